"""`hashtag block`, `alias`, `group` and `vocabulary`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import HashtagText, json_option, tags_argument
from hashtag_archive.commands.output import counted, echo, echo_json, info, printable

if TYPE_CHECKING:
    from hashtag_archive.indexer.spellings import Spellings

_file = click.Path(dir_okay=False, path_type=Path)


@click.command("block")
@tags_argument
@click.option("--undo", is_flag=True, help="Allow these hashtags again.")
@click.pass_context
def block_command(context: click.Context, tags: tuple[str, ...], undo: bool) -> None:
    """Never assign hashtags.

    They disappear from all photos at once. The next model cannot guess them, but still learns from the hashtags
    that occur with them. After --undo, stored guesses of them show again at once; a model that was learnt while
    they were blocked cannot guess them.

    \b
    Examples:
      hashtag block nofilter instagood "#follow4follow"
      hashtag block --undo nofilter
    """
    from hashtag_archive.indexer.curation.vocabulary import block_hashtags, unblock_hashtags

    archive = open_from(context)
    spelled = archive.spellings()
    if undo:
        _report(spelled, tags, unblock_hashtags(archive, tags), "allowed again", "not blocked")
    else:
        info(f"blocked: {_named(spelled, block_hashtags(archive, tags))}")


@click.command("alias")
@click.argument("tags", nargs=-1, type=HashtagText(), metavar="FROM TO | --undo FROM... | --suggest")
@click.option("--undo", is_flag=True, help="Remove the aliases of the hashtags given.")
@click.option("--suggest", is_flag=True, help="Print likely aliases, most certain first; change nothing.")
@json_option
@click.pass_context
def alias_command(
    context: click.Context, tags: tuple[str, ...], undo: bool, suggest: bool, as_json: bool
) -> None:
    """Treat one hashtag as another.

    FROM is shown as TO at once, and the next rebuild learns both as one. --suggest prints pairs that are alike in
    spelling and occur with the same hashtags, one per line: FROM, TO, the posts of each, the cosine of their
    vectors, and how their spellings agree.

    \b
    Examples:
      hashtag alias doughnut donut
      hashtag alias --suggest
      hashtag alias --undo doughnut
    """
    if suggest:
        if tags or undo:
            raise click.UsageError("--suggest takes no hashtags and no --undo")
        _suggest(context, as_json)
        return
    if as_json:
        raise click.UsageError("--json is for --suggest")
    from hashtag_archive.indexer.curation.vocabulary import alias_hashtag, unalias_hashtags

    pair = ("", "") if undo else _pair(tags, "FROM and TO")
    _require_tags(tags)
    archive = open_from(context)
    spelled = archive.spellings()
    if undo:
        _report(spelled, tags, unalias_hashtags(archive, tags), "no longer an alias", "not an alias")
    else:
        source, target = alias_hashtag(archive, *pair)
        info(f"#{spelled(source)} is now an alias of #{spelled(target)}")


def _suggest(context: click.Context, as_json: bool) -> None:
    from hashtag_archive.indexer.curation.alias_proposals import propose_aliases

    archive = open_from(context)
    proposals, spelled = propose_aliases(archive), archive.spellings()
    for pair in proposals:
        names = spelled.all([pair.hashtag, pair.target])
        if as_json:
            keys = {"key": pair.hashtag, "target_key": pair.target}
            echo_json({**asdict(pair), "hashtag": names[0], "target": names[1], **keys})
        else:
            counts = (f"{pair.posts}", f"{pair.target_posts}", f"{pair.cosine:.2f}", pair.spelling)
            echo("\t".join([*map(printable, names), *counts]))
    info(f"{counted(len(proposals), 'pair')}; `hashtag alias FROM TO` accepts one")


@click.command("group")
@click.argument("tags", nargs=-1, type=HashtagText(), metavar="TAG PARENT | --undo TAG...")
@click.option("--undo", is_flag=True, help="Remove the hashtags given from the hierarchy.")
@click.pass_context
def group_command(context: click.Context, tags: tuple[str, ...], undo: bool) -> None:
    """Put a hashtag under another in the hierarchy.

    The hierarchy may have any depth. It changes hierarchical keywords and what `find` finds, but no guess.

    \b
    Examples:
      hashtag group ramen noodles
      hashtag group noodles food
      hashtag group --undo ramen
    """
    from hashtag_archive.indexer.curation.vocabulary import group_hashtag, ungroup_hashtags

    pair = ("", "") if undo else _pair(tags, "TAG and PARENT")
    _require_tags(tags)
    archive = open_from(context)
    spelled = archive.spellings()
    if undo:
        _report(spelled, tags, ungroup_hashtags(archive, tags), "no longer grouped", "not grouped")
    else:
        hashtag, parent = group_hashtag(archive, *pair)
        info(f"#{spelled(hashtag)} is now under #{spelled(parent)}")


@click.command("vocabulary")
@click.option("--save", type=_file, metavar="FILE", help="Write the vocabulary to FILE instead of stdout.")
@click.option(
    "--load",
    type=_file,
    metavar="FILE",
    help="Add FILE's lines to the vocabulary, all or none; a later line on a hashtag replaces an earlier one.",
)
@json_option
@click.pass_context
def vocabulary_command(context: click.Context, save: Path | None, load: Path | None, as_json: bool) -> None:
    """Print, save or load blocks, aliases and groups.

    One per line, fields separated by tabs: block TAG, alias FROM TO, group TAG PARENT. Blank lines and lines that
    begin with ; are skipped.

    \b
    Examples:
      hashtag vocabulary --save words.txt
      hashtag --archive other vocabulary --load words.txt
    """
    if bool(save) + bool(load) + as_json > 1:
        raise click.UsageError("give only one of --save, --load and --json")
    from hashtag_archive.indexer.curation.vocabulary import load_vocabulary, save_vocabulary
    from hashtag_archive.indexer.curation.vocabulary_file import vocabulary_lines

    archive = open_from(context)
    if load:
        info(f"{load}: {counted(load_vocabulary(archive, load), 'line')} loaded")
    elif save:
        info(f"{save}: {counted(save_vocabulary(archive, save), 'line')} saved")
    elif as_json:
        known = archive.vocabulary()
        echo_json({"blocked": sorted(known.blocked), "aliases": known.aliases, "groups": known.parents})
    else:
        for line in vocabulary_lines(archive.vocabulary(), archive.spellings()):
            echo(line)


def _pair(tags: tuple[str, ...], names: str) -> tuple[str, str]:
    if len(tags) != 2:
        raise click.UsageError(f"give {names}, two hashtags")
    if tags[0] == tags[1]:
        raise click.UsageError(f"{names} are the same hashtag, #{tags[0]}")
    return tags[0], tags[1]


def _require_tags(tags: tuple[str, ...]) -> None:
    if not tags:
        raise click.UsageError("--undo needs at least one hashtag")


def _report(
    spelled: "Spellings", asked: Sequence[str], changed: Sequence[str], done: str, otherwise: str
) -> None:
    if changed:
        info(f"{done}: {_named(spelled, changed)}")
    if rest := [tag for tag in asked if tag not in changed]:
        info(f"{otherwise}: {_named(spelled, rest)}")


def _named(spelled: "Spellings", hashtags: Sequence[str]) -> str:
    return ", ".join(f"#{hashtag}" for hashtag in spelled.all(hashtags))
