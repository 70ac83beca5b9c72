"""The contract as compiled: Google's names and numbers, and every comment.

data/google_numbers.json has the messages and enums of Google's public .proto
files; data/rest_only.json what Vertex AI takes and returns in JSON only, with
the numbers that this contract gave it (see proto/README.md). Both have
[number, label, type, oneof] for a field.
"""

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


@pytest.fixture(scope="module")
def rest():
    path = pathlib.Path(__file__).parent / "data" / "rest_only.json"
    return json.loads(path.read_text())


def renamed(fields):
    return {f: [row[0], row[1], our_name(row[2]), *row[3:]]
            for f, row in fields.items()}


def fields_of(message, maps):
    """Without vertexd's own."""
    return {f.name: describe(message, f, maps) for f in message.field
            if not 100 <= f.number < 1000}


def test_contract__messages_of_google__same_fields_numbers_and_types(
        files, google, rest):
    messages, _, maps = walk(files)
    for name, fields in google["messages"].items():
        theirs = renamed(fields) | renamed(rest["messages"].get(name, {}))
        assert fields_of(messages[our_name(name)], maps) == theirs, name


def test_contract__messages_that_only_rest_has__as_in_the_table(files, rest):
    messages, _, maps = walk(files)
    for name, fields in rest["new_messages"].items():
        message = messages[our_name(name)]
        assert fields_of(message, maps) == renamed(fields), name


def test_contract__enums_of_google__same_values(files, google, rest):
    _, enums, _ = walk(files)
    for name, values in google["enums"].items():
        ours = {v.name: v.number for v in enums[our_name(name)].value}
        assert ours == values | rest["enums"].get(name, {}), name


def test_contract__enums_that_only_rest_has__as_in_the_table(files, rest):
    _, enums, _ = walk(files)
    for name, values in rest["new_enums"].items():
        ours = {v.name: v.number for v in enums[our_name(name)].value}
        assert ours == values, name


def test_contract__gemini_proto__has_nothing_that_google_has_not(
        files, google, rest):
    gemini = [f for f in files if f.name.endswith("gemini.proto")]
    messages, enums, _ = walk(gemini)
    known = set()
    for table in (google["messages"], google["enums"],
                  rest["new_messages"], rest["new_enums"]):
        known |= table.keys()
    assert messages.keys() | enums.keys() <= known


def test_contract__own_fields__from_100_on_in_googles_messages(
        files, google, rest):
    messages, _, _ = walk(files)
    for name, fields in google["messages"].items():
        theirs = fields.keys() | rest["messages"].get(name, {}).keys()
        for field in messages[our_name(name)].field:
            assert (field.name in theirs) != (100 <= field.number < 1000)


# Numbers that v1beta1 has for what v1 has in JSON only.
BETA = {("FunctionCall", "id"): 3, ("FunctionResponse", "id"): 3,
        ("GenerationConfig", "model_config"): 27}


def test_contract__rest_only__from_1000_on_in_googles_messages(google, rest):
    assert rest["messages"].keys() <= google["messages"].keys()
    for name, fields in rest["messages"].items():
        taken = {row[0] for row in google["messages"][name].values()}
        for field, row in fields.items():
            number = BETA.get((name, field))
            assert row[0] == number if number else row[0] >= 1000, (name, field)
            assert row[0] not in taken
    for name, values in rest["enums"].items():
        assert all(number >= 1000 for number in values.values()), name


def test_contract__only_rest_has__counts_from_the_start(google, rest):
    for name, fields in rest["new_messages"].items():
        assert name not in google["messages"]
        numbers = sorted(row[0] for row in fields.values())
        assert numbers == list(range(1, len(fields) + 1)), name
    for name, values in rest["new_enums"].items():
        assert sorted(values.values()) == list(range(len(values))), name


# What Vertex AI takes and this contract leaves out, deprecated as it is.
LEFT_OUT = {
    ("AudioTranscriptionConfig", "adaptationPhrases"),
    ("AudioTranscriptionConfig", "languageAuto"),
    ("AudioTranscriptionConfig", "languageHints"),
    ("ExternalApi", "apiAuth"),
    ("ToolParallelAiSearch", "enableDataRetention"),
}
LEFT_OUT_TYPES = {
    "ApiAuth", "ApiAuthApiKeyConfig", "AudioTranscriptionConfigLanguageAuto",
    "AudioTranscriptionConfigLanguageHints",
}
KINDS = {
    Field.TYPE_DOUBLE: "double", Field.TYPE_FLOAT: "float",
    Field.TYPE_INT32: "int32", Field.TYPE_INT64: "int64",
    Field.TYPE_BOOL: "bool", Field.TYPE_STRING: "string",
    Field.TYPE_BYTES: "bytes",
}
WELL_KNOWN = {"google.protobuf.Value": "any", "google.protobuf.Struct": "{any",
              "google.protobuf.Duration": "duration",
              "LatLng": "GoogleTypeLatLng"}


def rest_schema():
    """Type: field: kind, as Google's own description of REST has it."""
    types, fields = {}, None
    path = ROOT / "service" / "emulator" / "schema_v1.txt"
    for line in path.read_text().splitlines():
        if line.startswith("  "):
            name, kind = line.split()
            fields[name] = kind
        elif line and not line.startswith("#"):
            fields = types.setdefault(line, {})
    return types


def rest_kind(field, maps, enums):
    """A field of ours in the words of rest_schema()."""
    if field.type_name in maps:
        return "{" + rest_kind(maps[field.type_name].field[1], maps, enums)
    head = "[" if field.label == Field.LABEL_REPEATED else ""
    if field.type in KINDS:
        return head + KINDS[field.type]
    if field.type_name == ".google.protobuf.NullValue":
        return head + "(NULL_VALUE"
    if field.type == Field.TYPE_ENUM:
        enum = enums[field.type_name.removeprefix(PACKAGE)]
        return head + "(" + "|".join(sorted(v.name for v in enum.value))
    name = field.type_name.removeprefix(PACKAGE).removeprefix(".")
    return head + WELL_KNOWN.get(name, google_name(name).replace(".", ""))


def google_name(name):
    back = {ours: theirs for theirs, ours in RENAMED.items()}
    head, _, tail = name.partition(".")
    return back.get(head, head) + (f".{tail}" if tail else "")


def sorted_names(kind):
    before, bracket, names = kind.partition("(")
    return before + bracket + "|".join(sorted(names.split("|")))


def test_contract__what_rest_takes__is_all_there(files):
    messages, enums, maps = walk(files)
    ours = {google_name(n).replace(".", ""): m for n, m in messages.items()}
    for name, fields in rest_schema().items():
        if name in LEFT_OUT_TYPES:
            continue
        message = ours.get(name) or ours[name.removeprefix("GoogleType")]
        mine = {f.json_name: rest_kind(f, maps, enums)
                for f in message.field if not 100 <= f.number < 1000}
        theirs = {f: sorted_names(kind) for f, kind in fields.items()
                  if (name, f) not in LEFT_OUT}
        assert theirs.items() <= mine.items(), name


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
