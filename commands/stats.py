"""`hashtag stats` and `doctor`: what the archive and the machine hold."""

from dataclasses import asdict
from pathlib import Path

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import echo_json, printable, talk


@click.command("stats")
@json_option
@click.pass_context
def stats_command(context: click.Context, as_json: bool) -> None:
    """Print what is in the archive.

    \b
    Example:
      hashtag stats --json
    """
    from hashtag_archive.indexer.upkeep.stats import archive_stats

    stats = archive_stats(open_from(context))
    if as_json:
        echo_json(asdict(stats))
    else:
        tagged = ", ".join(f"{count:,} by model {model}" for model, count in sorted(stats.tagged.items()))
        frequent = ", ".join(f"#{text} {posts:,}" for text, posts in stats.most_frequent)
        folds = ", ".join(f"{fold} {count:,}" for fold, count in stats.posts_by_fold.items())
        for name, value in (
            ("posts", f"{stats.posts:,}, {stats.posts_with_photo:,} of them with a photo"),
            ("folds", folds or "none"),
            (
                "photos",
                f"{stats.photos:,} under {stats.photo_paths:,} paths, {stats.photos_with_features:,} with features",
            ),
            ("hashtags", f"{stats.hashtags:,}, {stats.hashtags_per_post:.1f} a post"),
            ("most frequent", frequent or "none"),
            (
                "vocabulary",
                f"{stats.blocked:,} blocked, {stats.aliases:,} aliases, {stats.grouped:,} grouped",
            ),
            ("your word", f"{stats.accepted:,} hashtags accepted on photos, {stats.rejected:,} rejected"),
            ("current model", str(stats.current_model or "none")),
            ("tagged", tagged or "none"),
            ("failed", f"{stats.failed:,}"),
        ):
            click.echo(f"{name:<14} {value}")
    if stats.next_step:
        talk(stats.next_step)


@click.command("doctor")
@json_option
@click.pass_context
def doctor_command(context: click.Context, as_json: bool) -> None:
    """Print versions, cores, providers and weights, and what would run where.

    \b
    Example:
      hashtag doctor
    """
    from hashtag_archive.indexer.upkeep.doctor import examine

    found = examine(Path(context.obj["archive"]))
    if as_json:
        echo_json({**asdict(found), "conclusions": found.conclusions})
        return
    versions = ", ".join(f"{name} {version or 'absent'}" for name, version in found.versions.items())
    for name, value in (
        ("python", found.python),
        ("system", found.system),
        ("cores", str(found.cores)),
        ("instructions", ", ".join(found.instructions) or "not told"),
        ("packages", versions),
        ("sqlite", found.sqlite),
        ("providers", ", ".join(found.providers)),
        ("weights", found.weights or "none in torch's cache"),
        ("dtype", printable(found.dtype)),
    ):
        click.echo(f"{name:<14} {value}")
    for sentence in found.conclusions:
        click.echo(sentence)
