"""`hashtag forget`."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.upkeep.forget import Forgotten


@click.command("forget")
@click.option(
    "--owner", metavar="NAME", help="Whose posts; upper and lower case and a leading @ are one name."
)
@click.option("--post", metavar="KEY", help="One post, by its key.")
@click.option("--dry-run", is_flag=True, help="Count what would go; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-models", is_flag=True, help="Keep models that learnt from these posts, and name them.")
@click.option("--undo", is_flag=True, help="Let them come in again; nothing comes back by itself.")
@json_option
@click.pass_context
def forget_command(
    context: click.Context,
    owner: str | None,
    post: str | None,
    dry_run: bool,
    yes: bool,
    keep_models: bool,
    undo: bool,
    as_json: bool,
) -> None:
    """Take a person's posts out for good, and keep them out.

    Everything that came from the posts goes: their words in every version, photos that nobody else has, features,
    tags, hashtags that nobody else used, and the models that learnt from them. What is left of the archive is
    written anew, and its bytes are searched for all of it: exit 1, and the file named, if something is found. A
    later import leaves them out; the archive keeps no name for that, only a keyed hash. Files outside the archive,
    the crawls and the photos themselves, are yours to delete.

    \b
    Examples:
      hashtag forget --owner anna --dry-run
      hashtag forget --owner anna --yes
      hashtag forget --undo --owner anna
    """
    from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts, lift_tombstone, plan_forget

    if (owner is None) == (post is None) or not (owner or post or "").strip("@ \t"):
        raise click.UsageError("name an owner with --owner NAME, or a post with --post KEY")
    archive, whom = open_from(context), ForgetRequest(owner, post)
    if undo:
        click.echo(f"{lift_tombstone(archive, whom):,} tombstones lifted")
        return
    plan = plan_forget(archive, whom, keep_models=keep_models)
    if not dry_run:
        _ask(plan, yes)
        with Bars("bytes") as bars:
            plan = forget_posts(archive, whom, keep_models=keep_models, progress=bars)
    echo_json(asdict(plan)) if as_json else _show(plan)
    _report(archive, plan)
    if plan.proof and plan.proof.found:
        raise click.ClickException("something of them is still in the archive: see above")


def _ask(plan: "Forgotten", yes: bool) -> None:
    """Have a person on a terminal agree; without a terminal `--yes` must be given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone: say --yes, or run it on a terminal, where it asks")
    for line in _lines(plan):
        info(line)
    click.confirm("Take all of this out for good?", abort=True, err=True)


def _lines(plan: "Forgotten") -> list[str]:
    models = ", ".join(map(str, plan.models)) or "none"
    return [
        f"{plan.posts:,} posts, {plan.versions:,} earlier versions of them",
        f"{plan.photos:,} photos with features, tags and {plan.verdicts:,} words of people on them;"
        f" {plan.staying:,} stay, which others have too",
        f"{plan.hashtags:,} hashtags that nobody else used",
        f"models that learnt from them: {models}{', kept' if plan.models_kept and plan.models else ''}",
    ]


def _show(result: "Forgotten") -> None:
    for line in _lines(result):
        click.echo(line)
    if proof := result.proof:
        found = "nothing found" if not proof.found else f"{len(proof.found):,} times something found"
        searched = f"searched {proof.files:,} files, {proof.size / 1e6:.1f} MB, for {proof.strings:,} strings"
        click.echo(f"{searched}: {found}")


def _report(archive: "Archive", result: "Forgotten") -> None:
    if result.models_kept:
        for number in result.models:
            info(f"{archive.model_folder(number)}: kept, and not searched: it holds what it learnt from them")
    if not result.proof:
        info("a dry run: nothing was changed")
        return
    for file, kind in result.proof.found:
        info(printable(f"{archive.folder / file}: still holds {kind}"))
    for column, texts in result.proof.named.items():
        info(
            f"{column}: {texts:,} texts of others name them, which stay; `hashtag forget --post KEY` takes a post"
        )
    if result.proof.by_rows:
        info(
            f"{result.proof.by_rows:,} strings are too short to be told from chance, or part of what others wrote:"
            " they were looked for in the tables alone"
        )
    if not result.posts:
        info("no post of theirs is here; from now on none comes in")
    else:
        info("the crawls and photos themselves, outside the archive, are yours to delete")
    if result.current_gone:
        info("the current model had learnt from them: `hashtag rebuild` learns one without them")
