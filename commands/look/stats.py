"""`hashtag stats`."""

from dataclasses import asdict

import click

from hashtag_archive.commands.opening import open_from
from hashtag_archive.commands.options import json_option
from hashtag_archive.commands.output import counted, echo, echo_json, info


@click.command("stats")
@json_option
@click.pass_context
def stats_command(context: click.Context, as_json: bool) -> None:
    """Count what is in the archive.

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
                f"{stats.photos:,} under {counted(stats.photo_paths, 'path')},"
                f" {stats.photos_with_features:,} with features",
            ),
            ("hashtags", f"{stats.hashtags:,}, {stats.hashtags_per_post:.1f} per post"),
            ("most frequent", frequent or "none"),
            (
                "vocabulary",
                f"{stats.blocked:,} blocked, {stats.aliases:,} aliases, {stats.grouped:,} grouped",
            ),
            (
                "verdicts",
                f"{counted(stats.accepted, 'hashtag')} accepted on photos, {stats.rejected:,} rejected",
            ),
            ("current model", str(stats.current_model or "none")),
            ("tagged", tagged or "none"),
            ("failed", f"{stats.failed:,}"),
        ):
            echo(f"{name:<14} {value}")
    if stats.next_step:
        info(stats.next_step)
