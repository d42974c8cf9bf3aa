"""The click group, the options that all commands share, and the one place where exceptions become messages."""

import atexit
import gc
import sys

import click

from hashtag_archive.commands.correct.log import log_command, undo_command
from hashtag_archive.commands.correct.verdicts import accept_command, reject_command
from hashtag_archive.commands.correct.words import (
    alias_command,
    block_command,
    group_command,
    vocabulary_command,
)
from hashtag_archive.commands.former_names import FORMER_COMMANDS
from hashtag_archive.commands.interruption import was_interrupted
from hashtag_archive.commands.jobs.import_posts import import_command
from hashtag_archive.commands.jobs.query import query_command
from hashtag_archive.commands.jobs.rebuild import rebuild_command
from hashtag_archive.commands.jobs.tag import tag_command
from hashtag_archive.commands.jobs.watch import watch_command
from hashtag_archive.commands.look.find import find_command
from hashtag_archive.commands.look.report import report_command
from hashtag_archive.commands.look.show import show_command
from hashtag_archive.commands.look.similar import related_command, similar_command
from hashtag_archive.commands.look.stats import stats_command
from hashtag_archive.commands.models.backbones import backbones_command
from hashtag_archive.commands.models.compare import compare_command
from hashtag_archive.commands.models.evaluate import evaluate_command
from hashtag_archive.commands.models.models import models_command, use_command
from hashtag_archive.commands.models.retag import retag_command
from hashtag_archive.commands.models.sweep import sweep_command
from hashtag_archive.commands.models.unfreeze import unfreeze_command
from hashtag_archive.commands.opening import as_click_exception
from hashtag_archive.commands.output import harmless
from hashtag_archive.commands.upkeep.backup import backup_command
from hashtag_archive.commands.upkeep.check import check_command
from hashtag_archive.commands.upkeep.demo import demo_command
from hashtag_archive.commands.upkeep.doctor import doctor_command
from hashtag_archive.commands.upkeep.forget import forget_command
from hashtag_archive.commands.upkeep.prune import prune_command
from hashtag_archive.commands.write.encoder import export_encoder_command
from hashtag_archive.commands.write.export import export_command, untag_command

# A process that ends gives its memory back anyway; collecting its garbage took an eighth of a query.
atexit.register(gc.freeze)

SECTIONS = {
    "Jobs": (import_command, rebuild_command, tag_command, watch_command, query_command),
    "Look": (find_command, show_command, similar_command, related_command, stats_command, report_command),
    "Correct": (
        accept_command,
        reject_command,
        log_command,
        undo_command,
        block_command,
        alias_command,
        group_command,
        vocabulary_command,
    ),
    "Write": (export_command, untag_command, export_encoder_command),
    "Models": (
        models_command,
        use_command,
        evaluate_command,
        compare_command,
        sweep_command,
        retag_command,
        unfreeze_command,
        backbones_command,
    ),
    "Upkeep": (check_command, backup_command, prune_command, forget_command, doctor_command, demo_command),
}


class HashtagGroup(click.Group):
    """A group that lists its commands in sections and reports an error in one line.

    Errors exit with 1, wrong usage with 2.
    """

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every error but click's own becomes one line here."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if interrupted := was_interrupted():
                raise interrupted from None
            error.message = harmless(error.message)  # type: ignore[misc]  # it may repeat a file's name
            raise
        except click.exceptions.Exit:
            raise
        except (Exception, KeyboardInterrupt) as error:  # a library's own name for what reached it
            if interrupted := was_interrupted():
                raise interrupted from None
            if isinstance(error, click.ClickException | click.Abort | BrokenPipeError | KeyboardInterrupt):
                raise
            if ctx.params.get("debug"):
                raise
            raise as_click_exception(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections, each with one line of help."""
        width = max(len(name) for name, command in self.commands.items() if not command.hidden)
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (str(command.name).ljust(width), command.get_short_help_str(200))
                        for command in commands
                    ]
                )


@click.group(cls=HashtagGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--archive",
    type=click.Path(file_okay=False),
    default="hashtag-archive",
    envvar="HASHTAG_ARCHIVE",
    show_default=True,
    show_envvar=True,
    help="Folder of the archive.",
)
@click.option("--quiet", is_flag=True, help="Print only failures on stderr; for cron.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="hashtag-archive", prog_name="hashtag")
@click.pass_context
def main(context: click.Context, archive: str, quiet: bool, debug: bool) -> None:
    """Tag a photo archive in its own vocabulary of hashtags.

    \b
    Start with a folder of photos, some of which have keywords:
      hashtag import ~/Pictures
      hashtag rebuild
      hashtag tag ~/Pictures
      hashtag query photo.jpg
    """
    if not archive:
        raise click.UsageError("--archive is empty: name a folder, or leave it out for ./hashtag-archive")
    context.obj = {"archive": archive}


for command in (*(command for commands in SECTIONS.values() for command in commands), *FORMER_COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
