"""The door: the group, what all commands share, and the one place where errors become messages."""

import atexit
import gc
import sys

import click

from hashtag_archive.commands import compare as comparing
from hashtag_archive.commands import demo, verdicts
from hashtag_archive.commands import evaluate as evaluating
from hashtag_archive.commands import export as exporting
from hashtag_archive.commands import find as finding
from hashtag_archive.commands import forget as forgetting
from hashtag_archive.commands import import_posts as importing
from hashtag_archive.commands import keep as keeping
from hashtag_archive.commands import models as looking
from hashtag_archive.commands import rebuild as rebuilding
from hashtag_archive.commands import report as reporting
from hashtag_archive.commands import retag as retagging
from hashtag_archive.commands import show as showing
from hashtag_archive.commands import sweep as sweeping
from hashtag_archive.commands import tag as tagging
from hashtag_archive.commands import words as vocabulary
from hashtag_archive.commands.output import told

# A process that ends gives its memory back anyway; looking through it for garbage took an eighth of a query.
atexit.register(gc.freeze)


class _Door(click.Group):
    """A group that tells an error in one line and exits 1; bad options exit 2, as click has it."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; every error but click's own becomes one line here."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise told(error) from error


@click.group(cls=_Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--archive",
    type=click.Path(file_okay=False),
    default="hashtag-archive",
    envvar="HASHTAG_ARCHIVE",
    show_default=True,
    show_envvar=True,
    help="The archive's folder.",
)
@click.option("--quiet", is_flag=True, help="Say nothing on stderr but what fails; for cron.")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.version_option(package_name="hashtag-archive", prog_name="hashtag")
@click.pass_context
def main(context: click.Context, archive: str, quiet: bool, debug: bool) -> None:
    """Tag a photo archive in its own vocabulary of hashtags.

    \b
    The way through, with posts in posts.jsonl and photos in a folder:
      hashtag import posts.jsonl
      hashtag rebuild --backbone backbone.onnx
      hashtag tag photos/
      hashtag query photo.jpg
    """
    context.obj = {"archive": archive}


for module in (
    importing,
    rebuilding,
    tagging,
    retagging,
    exporting,
    looking,
    finding,
    showing,
    keeping,
    evaluating,
    comparing,
    sweeping,
    reporting,
    forgetting,
    vocabulary,
    verdicts,
    demo,
):
    for command in module.COMMANDS:
        main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
