"""What all sections of the configuration are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class Section(BaseModel):
    """Reject what is not known and freeze what is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NamedKey(Section):
    """A secret key, and the short name by which what it made says so: keys can be changed one after the other."""

    id: str = Field(pattern=r"^[A-Za-z0-9]{1,16}$")
    secret: SecretStr

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("the secret must have at least 32 characters")
        return value
