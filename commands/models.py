"""`hashtag related`, `stats`, `models`, `use` and `doctor`: what the archive and the machine hold."""

from dataclasses import asdict
from pathlib import Path

import click

from hashtag_archive.commands.output import echo_json, json_option, open_from, printable, talk


@click.command("related")
@click.argument("hashtag")
@click.option("--top", type=click.IntRange(1), default=10, show_default=True, help="How many.")
@json_option
@click.pass_context
def related_command(context: click.Context, hashtag: str, top: int, as_json: bool) -> None:
    """Print the hashtags nearest to a hashtag, with their cosines.

    \b
    Example:
      hashtag related ramen
    """
    from hashtag_archive.indexer.hashtag_text import normalise_hashtag

    text = normalise_hashtag(hashtag)
    if text is None:
        raise click.UsageError(f"{hashtag!r} is no hashtag")
    found = open_from(context).model().related(text, top)
    if as_json:
        echo_json(
            {
                "hashtag": text,
                "related": [{"hashtag": other.hashtag, "cosine": round(other.score, 4)} for other in found],
            }
        )
    else:
        for other in found:
            click.echo(f"{other.score:.3f}\t#{other.hashtag}")


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


@click.command("models")
@json_option
@click.pass_context
def models_command(context: click.Context, as_json: bool) -> None:
    """List the models, the current one marked with a star.

    \b
    Example:
      hashtag models
    """
    from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models

    archive = open_from(context)
    models = list_models(archive)
    for model in models:
        if as_json:
            echo_json(asdict(model))
            continue
        counts, test = model.manifest["counts"], model.manifest["figures"]["test"]
        quality = f"P@1 {test['p_at_1']:.3f}, F2 {test['f2']:.3f}" if test else "hashtag vectors alone"
        click.echo(
            f"{'*' if model.current else ' '} {model.number}\t{model.created_at}\t{counts['posts']:,} posts\t"
            f"{counts['photos']:,} photos\t{counts['hashtags']:,} hashtags\t{quality}\t{model.size / 1e6:.1f} MB"
        )
    if not models:
        talk(archive_stats(archive).next_step or "no model yet")


@click.command("use")
@click.argument("number", type=click.IntRange(1))
@click.pass_context
def use_command(context: click.Context, number: int) -> None:
    """Make another model current, after checking its files.

    \b
    Example:
      hashtag use 3
    """
    open_from(context).use(number)
    click.echo(
        f"model {number} is current; photos that another model tagged are stale: `hashtag retag` redoes them"
    )


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
        ("precision", printable(found.precision)),
    ):
        click.echo(f"{name:<14} {value}")
    for sentence in found.conclusions:
        click.echo(sentence)


COMMANDS = [related_command, stats_command, models_command, use_command, doctor_command]
