"""The contract as compiled: Google's names and numbers, and every comment."""

import json
import pathlib
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ".vertexd.v1."
# Google's name: ours. The latter have fields of their own, from 100 on.
RENAMED = {
    "GenerateContentRequest": "GenerateRequest",
    "GenerateContentResponse": "GenerateResponse",
}
SCALARS = {
    Field.TYPE_DOUBLE: "double", Field.TYPE_FLOAT: "float",
    Field.TYPE_INT32: "int32", Field.TYPE_INT64: "int64",
    Field.TYPE_BOOL: "bool", Field.TYPE_STRING: "string",
    Field.TYPE_BYTES: "bytes",
}


def our_name(name):
    head, _, tail = name.partition(".")
    return RENAMED.get(head, head) + (f".{tail}" if tail else "")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    out = tmp_path_factory.mktemp("contract") / "set"
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto",
         "--include_source_info", f"--descriptor_set_out={out}",
         "vertexd/v1/gemini.proto", "vertexd/v1/vertexd.proto"], check=True)
    compiled = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return list(compiled.file)


def type_name(field, maps):
    if field.type_name in maps:
        key, value = maps[field.type_name].field
        return f"map<{type_name(key, maps)}, {type_name(value, maps)}>"
    if field.type in SCALARS:
        return SCALARS[field.type]
    return field.type_name.removeprefix(PACKAGE).removeprefix(".")


def describe(message, field, maps):
    """[number, label, type, oneof], as google_numbers.json has it."""
    is_map = field.type_name in maps
    label = ""
    if field.label == Field.LABEL_REPEATED and not is_map:
        label = "repeated"
    elif field.proto3_optional:
        label = "optional"
    row = [field.number, label, type_name(field, maps)]
    if field.HasField("oneof_index") and not field.proto3_optional:
        row.append(message.oneof_decl[field.oneof_index].name)
    return row


def walk(files):
    """All messages and enums by their name within the package, and maps."""
    messages, enums, maps = {}, {}, {}

    def visit(prefix, message):
        name = prefix + message.name
        if message.options.map_entry:
            maps[PACKAGE + name] = message
            return
        messages[name] = message
        enums.update({f"{name}.{e.name}": e for e in message.enum_type})
        for nested in message.nested_type:
            visit(f"{name}.", nested)

    for file in files:
        enums.update({e.name: e for e in file.enum_type})
        for message in file.message_type:
            visit("", message)
    return messages, enums, maps


@pytest.fixture(scope="module")
def google():
    path = pathlib.Path(__file__).parent / "data" / "google_numbers.json"
    return json.loads(path.read_text())


def test_contract__messages_of_google__same_fields_numbers_and_types(
        files, google):
    messages, _, maps = walk(files)
    for name, fields in google["messages"].items():
        message = messages[our_name(name)]
        ours = {f.name: describe(message, f, maps) for f in message.field
                if not 100 <= f.number < 1000}
        theirs = {f: [row[0], row[1], our_name(row[2]), *row[3:]]
                  for f, row in fields.items()}
        assert ours == theirs, name


def test_contract__enums_of_google__same_values(files, google):
    _, enums, _ = walk(files)
    for name, values in google["enums"].items():
        ours = {v.name: v.number for v in enums[our_name(name)].value}
        assert ours == values, name


def test_contract__gemini_proto__has_nothing_that_google_has_not(
        files, google):
    gemini = [f for f in files if f.name.endswith("gemini.proto")]
    messages, enums, _ = walk(gemini)
    known = google["messages"].keys() | google["enums"].keys()
    assert messages.keys() | enums.keys() <= known


def test_contract__own_fields__from_100_on_in_googles_messages(files, google):
    messages, _, _ = walk(files)
    for name, fields in google["messages"].items():
        for field in messages[our_name(name)].field:
            assert (field.name in fields) != (100 <= field.number < 1000)


def test_contract__every_element__has_a_comment(files):
    for file in files:
        commented = {tuple(l.path) for l in file.source_code_info.location
                     if l.leading_comments.strip()}
        for path, name in elements(file):
            assert path in commented, name


def elements(file):
    """Path and name of everything that can carry a comment."""
    def of_enum(path, enum):
        yield path, enum.name
        for i, value in enumerate(enum.value):
            yield path + (2, i), f"{enum.name}.{value.name}"

    def of_message(path, message):
        if message.options.map_entry:
            return
        yield path, message.name
        for i, field in enumerate(message.field):
            yield path + (2, i), f"{message.name}.{field.name}"
        synthetic = {f.oneof_index for f in message.field if f.proto3_optional}
        for i, oneof in enumerate(message.oneof_decl):
            if i not in synthetic:
                yield path + (8, i), f"{message.name}.{oneof.name}"
        for i, nested in enumerate(message.nested_type):
            yield from of_message(path + (3, i), nested)
        for i, enum in enumerate(message.enum_type):
            yield from of_enum(path + (4, i), enum)

    for i, message in enumerate(file.message_type):
        yield from of_message((4, i), message)
    for i, enum in enumerate(file.enum_type):
        yield from of_enum((5, i), enum)
    for i, service in enumerate(file.service):
        yield (6, i), service.name
        for j, method in enumerate(service.method):
            yield (6, i, 2, j), method.name


def test_contract__error_code__has_grpcs_numbers(files):
    import grpc
    _, enums, _ = walk(files)
    ours = {v.name: v.number for v in enums["Error.Code"].value}
    assert ours == {c.name: c.value[0] for c in grpc.StatusCode}


def test_contract__imports__are_only_our_own_and_googles_well_known(files):
    for file in files:
        for name in file.dependency:
            assert name.startswith(("vertexd/v1/", "google/protobuf/"))
