"""Comments on a post: hashtags in the owner's comments count, those in others' do not."""

from collections import deque

# An id identifies an owner as well as a handle does; display names are not unique and are ignored.
_IDENTITIES = ("username", "account", "screen_name", "id", "pk")
_AUTHORS = ("author", "owner", "user", "username", "uploader")
_TEXTS = ("comment", "text", "content", "body")


def owner_comments(owners: list[object], comments: object) -> list[str]:
    """Return the texts of `comments`, and of answers to them, that the owner wrote.

    `owners` and the authors are handles, or objects with a handle or an id. If no owner is known, none count.
    """
    names = {name for owner in owners for name in _identities(owner)}
    found = []
    waiting = deque(comments if isinstance(comments, list) and names else [])
    while waiting:
        comment = waiting.popleft()
        if not isinstance(comment, dict):
            continue
        waiting.extend(_answers(comment))
        author = next((comment[field] for field in _AUTHORS if comment.get(field)), None)
        text = next((comment[field] for field in _TEXTS if isinstance(comment.get(field), str)), None)
        if text and names & _identities(author):
            found.append(text)
    return found


def edge_nodes(value: object) -> list[object]:
    """Return the nodes of a list in Instagram's notation, `{"edges": [{"node": ...}]}`."""
    edges = value.get("edges") if isinstance(value, dict) else None
    return [edge.get("node") for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []


def _answers(comment: dict[str, object]) -> list[object]:
    answers = comment.get("answers")
    return answers if isinstance(answers, list) else edge_nodes(comment.get("edge_threaded_comments"))


def _identities(account: object) -> set[str]:
    values = [account.get(field) for field in _IDENTITIES] if isinstance(account, dict) else [account]
    return {str(value).strip().lstrip("@").casefold() for value in values if isinstance(value, str | int)} - {
        ""
    }
