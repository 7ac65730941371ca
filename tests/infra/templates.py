"""Reading synthesized templates: what a test asks of them, in few words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

type Properties = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    logical_id: str
    definition: dict[str, Any]

    @property
    def type(self) -> str:
        """Its CloudFormation type."""
        return str(self.definition["Type"])

    @property
    def properties(self) -> Properties:
        """Its properties; a resource may have none."""
        properties: Properties = self.definition.get("Properties", {})
        return properties


@dataclass(frozen=True)
class Stacks:
    """All templates of one synthesis."""

    templates: Mapping[str, dict[str, Any]]
    regions: Mapping[str, str]

    @classmethod
    def read(cls, assembly: Path) -> "Stacks":
        """The stacks in a cloud assembly's folder."""
        manifest = json.loads((assembly / "manifest.json").read_text())
        stacks = {
            name: artifact
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        return cls(
            {
                name: json.loads((assembly / artifact["properties"]["templateFile"]).read_text())
                for name, artifact in stacks.items()
            },
            {name: artifact["environment"].rpartition("/")[2] for name, artifact in stacks.items()},
        )

    def resources(self, resource_type: str, stack: str | None = None) -> list[Resource]:
        """All resources of a type, in one stack or in all."""
        return [
            resource
            for name, template in self.templates.items()
            if stack in (None, name)
            for resource in _resources(template)
            if resource.type == resource_type
        ]

    def bucket(self, beginning: str) -> Resource:
        """The bucket of what must never be lost whose name, up to the account's id, is this."""
        wanted = {"Fn::Join": ["", [beginning, {"Ref": "AWS::AccountId"}]]}
        buckets = self.resources("AWS::S3::Bucket", "StamkundeData")
        (found,) = [each for each in buckets if each.properties["BucketName"] == wanted]
        return found

    def all_resources(self) -> Iterator[Resource]:
        """Every resource of every stack."""
        for template in self.templates.values():
            yield from _resources(template)

    def function(self, name: str) -> Resource:
        """A Lambda by its name in the catalogue."""
        (found,) = [
            resource
            for resource in self.resources("AWS::Lambda::Function")
            if resource.properties["Handler"] == f"{name}.handler.lambda_handler"
        ]
        return found

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What a role may do; its inline and its managed policies must say nothing more."""
        (resource,) = [each for each in self.resources("AWS::IAM::Role") if each.logical_id == role]
        assert not resource.properties.keys() & {"ManagedPolicyArns", "Policies"}
        return [
            statement
            for policy in self.resources("AWS::IAM::Policy")
            if {"Ref": role} in policy.properties["Roles"]
            for statement in policy.properties["PolicyDocument"]["Statement"]
        ]

    def target_of(self, value: Any) -> str:
        """The logical id that a reference leads to, through another stack's outputs too."""
        match value:
            case {"Ref": str(logical_id)}:
                return logical_id
            case {"Fn::GetAtt": [str(logical_id), *_]}:
                return logical_id
            case {"Fn::GetStackOutput": {"StackName": str(stack), "OutputName": str(output)}}:
                return self.target_of(self.templates[stack]["Outputs"][output]["Value"])
            case {"Fn::Join": ["", [*_, dict(name)]]}:  # an ARN that ends in the resource's name
                return self.target_of(name)
        raise AssertionError(f"not a reference: {value}")


def as_list(value: Any) -> list[Any]:
    """CloudFormation writes a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def actions(statement: Mapping[str, Any]) -> set[str]:
    """The actions of a policy statement."""
    return set(as_list(statement["Action"]))


def _resources(template: Mapping[str, Any]) -> Iterator[Resource]:
    for logical_id, definition in template["Resources"].items():
        yield Resource(logical_id, definition)
