"""`hashtag block`, `unblock`, `alias`, `unalias`, `group`, `ungroup` and `vocabulary`: words of one's own."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import HashtagText, json_option, tags_argument
from hashtag_archive.commands.output import echo_json, info


@click.command("block")
@tags_argument
@click.pass_context
def block_command(context: click.Context, tags: tuple[str, ...]) -> None:
    """Have hashtags never assigned.

    They are no longer shown on any photo, at once; the next rebuild does not learn to assign them, but still learns
    from what company they keep.

    \b
    Example:
      hashtag block nofilter instagood "#follow4follow"
    """
    from hashtag_archive.indexer.curation.vocabulary import block_hashtags

    info(f"never assigned: {_named(block_hashtags(open_from(context), tags))}")


@click.command("unblock")
@tags_argument
@click.pass_context
def unblock_command(context: click.Context, tags: tuple[str, ...]) -> None:
    """Allow hashtags again.

    Guesses of theirs that are stored show again at once; a model that was learnt while they were blocked cannot
    guess them, the next one can.

    \b
    Example:
      hashtag unblock nofilter
    """
    from hashtag_archive.indexer.curation.vocabulary import unblock_hashtags

    _report(tags, unblock_hashtags(open_from(context), tags), "allowed again", "not blocked")


@click.command("alias")
@click.argument("hashtag", required=False, type=HashtagText(), metavar="FROM")
@click.argument("target", required=False, type=HashtagText(), metavar="TO")
@click.option(
    "--suggest", is_flag=True, help="Print pairs that look like one, most certain first; write nothing."
)
@json_option
@click.pass_context
def alias_command(
    context: click.Context, hashtag: str | None, target: str | None, suggest: bool, as_json: bool
) -> None:
    """Have hashtag FROM count and be assigned as TO.

    Photos show TO in its place at once; the next rebuild learns them as one. --suggest looks for pairs that are
    alike in spelling and in the company they keep: a line each, FROM, TO, the posts of both, the cosine of their
    vectors, and in what their spelling is alike.

    \b
    Examples:
      hashtag alias doughnut donut
      hashtag alias --suggest
    """
    if suggest and not hashtag:
        _suggest(context, as_json)
        return
    if suggest or as_json or hashtag is None or target is None:
        raise click.UsageError("give FROM and TO, or --suggest alone, with --json or without")
    from hashtag_archive.indexer.curation.vocabulary import alias_hashtag

    source, target = alias_hashtag(open_from(context), hashtag, target)
    info(f"#{source} counts as #{target}")


def _suggest(context: click.Context, as_json: bool) -> None:
    from hashtag_archive.indexer.curation.alias_proposals import propose_aliases

    proposals = propose_aliases(open_from(context))
    for pair in proposals:
        if as_json:
            echo_json(asdict(pair))
        else:
            click.echo(
                f"{pair.hashtag}\t{pair.target}\t{pair.posts}\t{pair.target_posts}\t{pair.cosine:.2f}\t{pair.spelling}"
            )
    info(f"{len(proposals):,} pairs; `hashtag alias FROM TO` takes one")


@click.command("unalias")
@tags_argument
@click.pass_context
def unalias_command(context: click.Context, tags: tuple[str, ...]) -> None:
    """Have hashtags count as themselves again.

    \b
    Example:
      hashtag unalias doughnut
    """
    from hashtag_archive.indexer.curation.vocabulary import unalias_hashtags

    _report(tags, unalias_hashtags(open_from(context), tags), "count as themselves", "no alias")


@click.command("group")
@click.argument("hashtag", type=HashtagText(), metavar="TAG")
@click.argument("parent", type=HashtagText(), metavar="PARENT")
@click.pass_context
def group_command(context: click.Context, hashtag: str, parent: str) -> None:
    """Have hashtag TAG stand under PARENT.

    A hierarchy as deep as you like; it changes what is written as hierarchical keywords, and no guess.

    \b
    Examples:
      hashtag group ramen noodles
      hashtag group noodles food
    """
    from hashtag_archive.indexer.curation.vocabulary import group_hashtag

    hashtag, parent = group_hashtag(open_from(context), hashtag, parent)
    info(f"#{hashtag} stands under #{parent}")


@click.command("ungroup")
@tags_argument
@click.pass_context
def ungroup_command(context: click.Context, tags: tuple[str, ...]) -> None:
    """Have hashtags stand under nothing.

    \b
    Example:
      hashtag ungroup ramen
    """
    from hashtag_archive.indexer.curation.vocabulary import ungroup_hashtags

    _report(tags, ungroup_hashtags(open_from(context), tags), "stand alone", "under nothing")


_file = click.Path(dir_okay=False, path_type=Path)


@click.command("vocabulary")
@click.option("--save", type=_file, metavar="FILE", help="Write it to FILE instead.")
@click.option(
    "--load",
    type=_file,
    metavar="FILE",
    help="Add FILE's lines to it, all or none; a later line on a hashtag takes an earlier one's place.",
)
@json_option
@click.pass_context
def vocabulary_command(context: click.Context, save: Path | None, load: Path | None, as_json: bool) -> None:
    """Print what is blocked, aliased and grouped, or save it, or load it.

    A line each, fields parted by tabs: block TAG, alias FROM TO, group TAG PARENT. Blank lines and those that
    begin with ; are passed over.

    \b
    Examples:
      hashtag vocabulary --save words.txt
      hashtag --archive other vocabulary --load words.txt
    """
    if bool(save) + bool(load) + as_json > 1:
        raise click.UsageError("--save, --load and --json: one at a time")
    from hashtag_archive.indexer.curation.vocabulary import load_vocabulary, save_vocabulary
    from hashtag_archive.indexer.curation.vocabulary_file import vocabulary_lines

    archive = open_from(context)
    if load:
        info(f"{load}: {load_vocabulary(archive, load):,} lines loaded")
    elif save:
        info(f"{save}: {save_vocabulary(archive, save):,} lines saved")
    elif as_json:
        known = archive.vocabulary()
        echo_json({"blocked": sorted(known.blocked), "aliases": known.aliases, "groups": known.parents})
    else:
        for line in vocabulary_lines(archive.vocabulary()):
            click.echo(line)


def _report(asked: Sequence[str], changed: Sequence[str], done: str, as_before: str) -> None:
    if changed:
        info(f"{done}: {_named(changed)}")
    if rest := [tag for tag in asked if tag not in changed]:
        info(f"{as_before}: {_named(rest)}")


def _named(hashtags: Sequence[str]) -> str:
    return ", ".join(f"#{hashtag}" for hashtag in hashtags)
