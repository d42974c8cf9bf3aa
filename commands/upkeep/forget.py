"""`hashtag forget`."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import Bars, counted, echo, echo_json, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.indexer.archive import Archive
    from hashtag_archive.indexer.upkeep.forget import Forgotten


@click.command("forget")
@click.option(
    "--owner", metavar="NAME", help="Forget all posts of this owner; case and a leading @ do not matter."
)
@click.option("--post", metavar="KEY", help="Forget one post, by its key.")
@click.option("--dry-run", is_flag=True, help="Count what would be removed; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--keep-models", is_flag=True, help="Keep models that learnt from these posts; report them.")
@click.option("--undo", is_flag=True, help="Allow them to be imported again; nothing is restored.")
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
    """Remove an owner's posts for good, and keep them out.

    Everything that came from the posts is removed: their texts in every version, photos that nobody else has,
    features, tags, hashtags that nobody else used, and the models that learnt from them. The rest of the archive
    is rewritten, and its bytes are searched for all that was removed; if something is found, its file is reported
    and the exit code is 1. Later imports skip these posts; for that the archive keeps only a keyed hash, no name.
    Files outside the archive, such as crawls and the photos themselves, are yours to delete.

    \b
    Examples:
      hashtag forget --owner anna --dry-run
      hashtag forget --owner anna --yes
      hashtag forget --undo --owner anna
    """
    from hashtag_archive.indexer.upkeep.forget import ForgetRequest, forget_posts, lift_tombstone, plan_forget

    if (owner is None) == (post is None) or not (owner or post or "").strip("@ \t"):
        raise click.UsageError("give either --owner NAME or --post KEY")
    if undo and dry_run:
        raise click.UsageError("--undo takes no --dry-run")
    archive, request = open_from(context), ForgetRequest(owner, post)
    if undo:
        echo(f"{counted(lift_tombstone(archive, request), 'tombstone')} lifted")
        return
    plan = plan_forget(archive, request, keep_models=keep_models)
    if not dry_run:
        _ask(plan, yes)
        with Bars("bytes") as bars:
            plan = forget_posts(archive, request, keep_models=keep_models, progress=bars)
    echo_json(asdict(plan)) if as_json else _show(plan)
    _report(archive, plan)
    if plan.proof and plan.proof.found:
        raise click.ClickException("some of it is still in the archive: see above")


def _ask(plan: "Forgotten", yes: bool) -> None:
    """Ask for confirmation on a terminal; without a terminal, `--yes` is required."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone: give --yes, or run it on a terminal to be asked")
    for line in _lines(plan):
        info(line)
    click.confirm("Remove all of this for good?", abort=True, err=True)


def _lines(plan: "Forgotten") -> list[str]:
    models = ", ".join(map(str, plan.models)) or "none"
    return [
        f"{counted(plan.posts, 'post')}, {counted(plan.versions, 'earlier version')} of them",
        f"{counted(plan.photos, 'photo')} with features, tags and {counted(plan.verdicts, 'verdict')} on them;"
        f" {counted(plan.staying, 'photo that others have too is', 'photos that others have too are')} kept",
        f"{counted(plan.hashtags, 'hashtag')} that nobody else used",
        f"models that learnt from them: {models}{', kept' if plan.models_kept and plan.models else ''}",
    ]


def _show(result: "Forgotten") -> None:
    for line in _lines(result):
        echo(line)
    if proof := result.proof:
        found = "nothing found" if not proof.found else f"{len(proof.found):,} found"
        strings = counted(proof.strings, "string")
        searched = f"searched {counted(proof.files, 'file')}, {proof.size / 1e6:.1f} MB, for {strings}"
        echo(f"{searched}: {found}")


def _report(archive: "Archive", result: "Forgotten") -> None:
    if result.models_kept:
        for number in result.models:
            info(
                f"{archive.model_folder(number)}: kept and not searched: it contains what it learnt from them"
            )
    if not result.proof:
        info("a dry run: nothing was changed")
        return
    for file, kind in result.proof.found:
        warn(printable(f"{archive.folder / file}: still holds {kind}"))
    for column, texts in result.proof.named.items():
        named = counted(texts, "text of others names them and is", "texts of others name them and are")
        info(f"{column}: {named} kept; `hashtag forget --post KEY` removes one")
    if result.proof.by_rows:
        short = counted(result.proof.by_rows, "string is", "strings are")
        info(f"{short} too short to search for, or part of what others wrote: searched only in the tables")
    if not result.posts:
        info("no such post is here; from now on none will be imported")
    else:
        info("crawls and photos outside the archive are yours to delete")
    if result.current_gone:
        info("the current model had learnt from them and is removed: run `hashtag rebuild`")
