"""Every way in which the registry says no: Confluent's status, error code and wording."""

from __future__ import annotations


class Refusal(Exception):
    """An answer that is not the one that was asked for."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def subject_not_found(subject: str) -> Refusal:
    return Refusal(404, 40401, f"Subject '{subject}' not found.")


def version_not_found(version: object) -> Refusal:
    return Refusal(404, 40402, f"Version {version} not found.")


def schema_not_found(schema_id: int | None = None) -> Refusal:
    which = "Schema" if schema_id is None else f"Schema {schema_id}"
    return Refusal(404, 40403, f"{which} not found")


def subject_soft_deleted(subject: str) -> Refusal:
    advice = "Set permanent=true to delete permanently"
    return Refusal(404, 40404, f"Subject '{subject}' was soft deleted. {advice}")


def subject_not_soft_deleted(subject: str) -> Refusal:
    message = f"Subject '{subject}' was not deleted first before being permanently deleted"
    return Refusal(404, 40405, message)


def version_soft_deleted(subject: str, version: int) -> Refusal:
    advice = "Set permanent=true to delete permanently"
    return Refusal(404, 40406, f"Subject '{subject}' Version {version} was soft deleted. {advice}")


def version_not_soft_deleted(subject: str, version: int) -> Refusal:
    what = f"Subject '{subject}' Version {version}"
    message = f"{what} was not deleted first before being permanently deleted"
    return Refusal(404, 40407, message)


def level_not_set(subject: str) -> Refusal:
    message = f"Subject '{subject}' does not have subject-level compatibility configured"
    return Refusal(404, 40408, message)


def incompatible(subject: str, faults: tuple[str, ...]) -> Refusal:
    return Refusal(
        409,
        409,
        "Schema being registered is incompatible with an earlier schema for subject "
        f'"{subject}", details: {list(faults)}',
    )


def unreadable_request(why: str) -> Refusal:
    return Refusal(422, 422, f"The request cannot be read: {why}")


def invalid_schema(why: str) -> Refusal:
    return Refusal(422, 42201, f"Invalid schema: {why}")


def invalid_version(text: str) -> Refusal:
    allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
    return Refusal(
        422, 42202, f"The specified version '{text}' is not a valid version id. {allowed}"
    )


def invalid_level(text: object) -> Refusal:
    allowed = "none, backward, forward, full, and the last three with _transitive"
    return Refusal(422, 42203, f"Invalid compatibility level {text!r}. Valid values are {allowed}")


def not_permitted(why: str) -> Refusal:
    return Refusal(422, 42205, f"Operation not permitted: {why}")


def store_away(why: object) -> Refusal:
    return Refusal(500, 50001, f"Error in the backend data store: {why}")


def overtaken() -> Refusal:
    return Refusal(500, 50003, "Another registry writes to this store; ask again")
