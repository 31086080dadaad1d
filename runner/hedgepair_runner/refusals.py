"""What a command refuses before it has touched anything: one sentence, exit code 2."""

from __future__ import annotations


class StartRefused(Exception):
    """The start is refused. The message is the sentence that names the cause and the remedy;
    `reason_code` a word of the resource's conditions, where one fits."""

    def __init__(self, sentence: str, *, reason_code: str = "") -> None:
        super().__init__(sentence)
        self.reason_code = reason_code

    @property
    def sentence(self) -> str:
        return str(self)


def refusal_in(error: BaseException) -> StartRefused | None:
    """The refusal that an error is, or that a task group wrapped; None when there is none."""
    if isinstance(error, StartRefused):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            refusal = refusal_in(inner)
            if refusal is not None:
                return refusal
    return None
