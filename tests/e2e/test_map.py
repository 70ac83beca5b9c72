"""MapGenerate and StreamMapGenerate: templates, and one message for all."""

import pytest
from google.protobuf import json_format, struct_pb2
from google.protobuf.duration_pb2 import Duration
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import Batch, check_results, code_name, fails
from harness import control

Request = vertexd_pb2.MapGenerateRequest
Options = vertexd_pb2.BatchOptions


def value(content):
    return json_format.ParseDict(content, struct_pb2.Value())


def run(stub, **fields):
    answer = stub.MapGenerate(Request(**fields))
    check_results(answer.results, answer.summary)
    assert [r.index for r in answer.results] == \
        list(range(len(answer.results)))
    return answer


def prompts(emulator, stub, **fields):
    """The prompts that a map makes, in item order."""
    answer = run(stub, max_concurrency=1, **fields)
    assert [code_name(r) for r in answer.results] == \
        ["OK"] * len(answer.results)
    return [r.prompt for r in emulator.requests(len(answer.results))]


def test_map__items__all_results_in_item_order(emulator, stub):
    answer = run(stub, items=["TensorFlow", "PyTorch", "scikit-learn"],
                 template="What are the main features of {item}?",
                 max_concurrency=3)
    for item, result in zip(("TensorFlow", "PyTorch", "scikit-learn"),
                            answer.results):
        assert f'"What are the main features of {item}?"' in \
            result.response.text
    assert answer.summary.total_tokens > 0


def test_map__no_items__ok_with_an_empty_summary(emulator, stub):
    assert run(stub, template="{item}").summary.total == 0
    batch = Batch(stub.StreamMapGenerate(Request(template="{item}")))
    assert batch.events == ["summary"]


def test_stream_map__same_request__results_as_they_come(emulator, stub):
    request = Request(template="say {item}" + control(latency="50ms"),
                      items=list("abcdef"), max_concurrency=6)
    batch = Batch(stub.StreamMapGenerate(request))
    assert batch.indexes == list(range(6))
    whole = stub.MapGenerate(request)
    assert batch.texts == [r.response.text for r in whole.results]


def test_stream_map__as_completed__fast_ones_come_first(emulator, stub):
    batch = Batch(stub.StreamMapGenerate(Request(
        template="{item}", max_concurrency=3,
        items=["slow" + control(latency="1500ms"), "b", "c"],
        options=Options(order=vertexd_pb2.RESULT_ORDER_AS_COMPLETED))))
    assert batch.indexes[-1] == 0


@pytest.mark.parametrize("template, expected", [
    ("{item}", "x"), ("a{item}b{item}c", "axbxc"), ("{index}: {item}", "0: x"),
    ("{{item}}", "{item}"), ('{{"a": "{item}"}}', '{"a": "x"}'),
    ("no placeholder", "no placeholder"), ("{{}}", "{}"),
    ("ü{item}ü", "üxü")])
def test_template__placeholders_and_braces__render(
        emulator, stub, template, expected):
    assert prompts(emulator, stub, template=template, items=["x"]) == \
        [expected]


@pytest.mark.parametrize("content, expected", [
    ("text", "text"), (3, "3"), (3.5, "3.5"), (-0.25, "-0.25"),
    (1e21, "1e+21"), (True, "true"), (False, "false"), (None, "null"),
    ({"a": [1, "b", None]}, '{"a":[1,"b",null]}'), ([1, 2], "[1,2]"),
    (123456789012, "123456789012")])
def test_template__values__render_as_compact_json(
        emulator, stub, content, expected):
    assert prompts(emulator, stub, template="<{item}>",
                   values=[value(content)]) == [f"<{expected}>"]


def test_template__steps__reach_into_values(emulator, stub):
    item = {"name": "n", "tags": ["a", "b", {"deep": {"er": 7}}],
            "with space": "s"}
    assert prompts(
        emulator, stub, values=[value(item)],
        template="{item.name} {item.tags[1]} {item.tags[2].deep.er} "
                 "{item.with space} {item.tags}") == \
        ['n b 7 s ["a","b",{"deep":{"er":7}}]']


def test_template__list_item__takes_an_index_at_once(emulator, stub):
    assert prompts(emulator, stub, values=[value(["a", "b", "c", "d"])],
                   template="{item[3]}") == ["d"]


def test_template__same_for_all__each_index_gets_its_own(emulator, stub):
    assert prompts(emulator, stub, template="variation {index}",
                   items=["a"] * 3) == \
        ["variation 0", "variation 1", "variation 2"]


def test_item_template__makes_what_item_stands_for(emulator, stub):
    assert prompts(
        emulator, stub, items=["Python", "Rust"],
        template="What are the main features of {item}?",
        item_template="the {item} programming language") == \
        ["What are the main features of the Python programming language?",
         "What are the main features of the Rust programming language?"]


def test_item_template__steps__always_mean_the_original_item(emulator, stub):
    assert prompts(
        emulator, stub, values=[value({"k": "v"})],
        template="{item} and {item.k}", item_template="<{item.k} {index}>") \
        == ["<v 0> and v"]


def test_item__with_braces__is_not_a_template(emulator, stub):
    assert prompts(emulator, stub, template="{item}",
                   items=["{item} {x} {{ }}"]) == ["{item} {x} {{ }}"]


@pytest.mark.parametrize("template, named", [
    ("{}", "{}"), ("{itm}", "itm"), ("{item!r}", "item!r"), ("a {item", "{"),
    ("a } b", "}"), ("{item.}", "item."), ("{item[x]}", "item[x]"),
    ("{item[-1]}", "item[-1]"), ("{item[]}", "item[]"), ("{0}", "0"),
    ("{item..a}", "item..a"), ("{ item }", " item "), ("{index.a}", "index.a"),
    ("{{item}", "}")])
def test_template_error__names_the_placeholder_and_its_position(
        emulator, stub, template, named):
    for call in (stub.MapGenerate,
                 lambda r: list(stub.StreamMapGenerate(r))):
        with fails("INVALID_ARGUMENT", "TEMPLATE_INVALID",
                   "template") as failure:
            call(Request(template="12345" + template, items=["x"]))
        assert named in failure.message
        assert any(str(5 + i) in failure.message
                   for i in range(len(template) + 2))
    assert emulator.stats()["requests"] == 0


def test_template_error__in_item_template__names_that_field(emulator, stub):
    with fails("INVALID_ARGUMENT", "TEMPLATE_INVALID", "item_template"):
        stub.MapGenerate(Request(template="{item}", item_template="{x}",
                                 items=["x"]))


def test_template_error__without_items__is_one_as_well(emulator, stub):
    with fails("INVALID_ARGUMENT", "TEMPLATE_INVALID", "template"):
        stub.MapGenerate(Request(template="{"))


def test_key_missing__is_that_items_error_and_costs_nothing(emulator, stub):
    answer = run(stub, template="{item.key}{item.list[1]}", values=[
        value({"key": "k", "list": [1, 2]}), value({"list": [1, 2]}),
        value({"key": "k", "list": [1]}), value("text"), value(None)])
    assert [code_name(r) for r in answer.results] == \
        ["OK"] + ["INVALID_ARGUMENT"] * 4
    assert {r.error.reason for r in answer.results[1:]} == \
        {"TEMPLATE_KEY_MISSING"}
    assert answer.results[1].error.field.startswith("values[1]")
    assert emulator.stats()["requests"] == 1


def test_empty_prompt__after_rendering__is_that_items_error(emulator, stub):
    answer = run(stub, template="{item}", items=["", "x"])
    assert [code_name(r) for r in answer.results] == ["INVALID_ARGUMENT", "OK"]
    assert emulator.stats()["requests"] == 1


@pytest.mark.parametrize("request_, field", [
    (Request(items=["a"]), "template"),
    (Request(template="t", contents_template=[gemini_pb2.Content(
        parts=[gemini_pb2.Part(text="t")])], items=["a"]), None),
    (Request(template="t", items=["a"], values=[struct_pb2.Value(
        string_value="b")]), None),
    (Request(template="t", items=["a"], max_concurrency=-1),
     "max_concurrency"),
    (Request(template="t", items=["a"],
             defaults=vertexd_pb2.GenerateRequest(prompt="p")),
     "defaults.prompt"),
    (Request(template="t", items=["a"], options=Options(weight=-5)),
     "options.weight"),
], ids=lambda v: v if isinstance(v, str) else None)
def test_map_envelope__wrong__fails_as_a_whole(emulator, stub, request_,
                                               field):
    with fails("INVALID_ARGUMENT", field=field):
        stub.MapGenerate(request_)
    with fails("INVALID_ARGUMENT", field=field):
        list(stub.StreamMapGenerate(request_))
    assert emulator.stats()["requests"] == 0


def test_contents_template__texts_and_uris__are_templates(emulator, stub):
    part = gemini_pb2.Part
    run(stub, items=["cat"], contents_template=[
        gemini_pb2.Content(role="user", parts=[
            part(text="See {item}: "),
            part(file_data=gemini_pb2.FileData(
                mime_type="image/png", file_uri="gs://b/{item}-{index}.png")),
            part(inline_data=gemini_pb2.Blob(mime_type="text/plain",
                                             data=b"{item}"))]),
        gemini_pb2.Content(role="model", parts=[part(text="I do.")]),
        gemini_pb2.Content(role="user", parts=[part(text="{{so}}")])])
    turns = emulator.only_request().body["contents"]
    assert turns[0]["parts"][0] == {"text": "See cat: "}
    assert turns[0]["parts"][1]["fileData"]["fileUri"] == "gs://b/cat-0.png"
    assert turns[0]["parts"][2]["inlineData"]["data"] == "e2l0ZW19"
    assert turns[2]["parts"] == [{"text": "{so}"}]


def test_contents_template__error__names_its_place(emulator, stub):
    with fails("INVALID_ARGUMENT", "TEMPLATE_INVALID",
               "contents_template[0].parts[1].text"):
        stub.MapGenerate(Request(items=["a"], contents_template=[
            gemini_pb2.Content(parts=[gemini_pb2.Part(text="fine"),
                                      gemini_pb2.Part(text="{bad}")])]))


def test_map__defaults_and_policies__hold_as_in_a_batch(emulator, stub):
    answer = run(
        stub, template="{item}", max_concurrency=1,
        items=["a", "b" + control(fault="http_500"), "c"],
        defaults=vertexd_pb2.GenerateRequest(model="m7", return_json=True),
        options=Options(on_error=vertexd_pb2.ERROR_POLICY_STOP))
    assert [code_name(r) for r in answer.results] == \
        ["OK", "INTERNAL", "ABORTED"]
    assert answer.results[0].response.json
    assert "/m7:" in emulator.requests(2)[0].path


def test_map__deadline_in_the_middle__nothing_finished_is_lost(
        emulator, stub):
    answer = stub.MapGenerate(Request(
        template="{item}", max_concurrency=2,
        items=["a", "b"] + ["c" + control(latency="60s")] * 4,
        options=Options(deadline_margin=Duration(seconds=30))), timeout=32)
    assert [code_name(r) for r in answer.results] == \
        ["OK"] * 2 + ["DEADLINE_EXCEEDED"] * 4


def test_map_message__an_answer_that_does_not_fit__is_that_items_error(
        emulator, stub):
    answer = run(stub, template="{item}",
                 items=["a", "b" + control(words=8000), "c"],
                 options=Options(max_message_bytes=20_000))
    assert [code_name(r) for r in answer.results] == \
        ["OK", "RESOURCE_EXHAUSTED", "OK"]
    assert answer.results[1].error.reason == "RESPONSE_TOO_LARGE"
    assert answer.ByteSize() <= 20_000


def test_map_message__full__nothing_more_is_sent(emulator, stub):
    answer = run(stub, template="{item}" + control(words=100),
                 items=["word"] * 100, max_concurrency=2,
                 options=Options(max_message_bytes=20_000))
    codes = [code_name(r) for r in answer.results]
    assert codes.count("OK") >= 3
    assert set(codes) == {"OK", "RESOURCE_EXHAUSTED"}
    assert answer.ByteSize() <= 20_000
    assert emulator.stats()["requests"] < 60


def test_map_message__too_many_items_for_it__names_the_way_out(
        emulator, stub):
    with fails("INVALID_ARGUMENT") as failure:
        stub.MapGenerate(Request(template="{item}", items=["x"] * 1000,
                                 options=Options(max_message_bytes=1024)))
    assert "StreamMapGenerate" in failure.message
    assert emulator.stats()["requests"] == 0


def test_map_message__default__is_what_clients_accept(emulator, stub):
    """Eight answers of 1 MiB; a client takes 4 MiB."""
    answer = run(stub, template="{item}" + control(words=200_000),
                 items=["words"] * 8, max_concurrency=1)
    codes = [code_name(r) for r in answer.results]
    assert codes.count("OK") >= 2
    assert "RESOURCE_EXHAUSTED" in codes
    assert answer.ByteSize() < 4 << 20


def test_map_items__limit__holds_and_one_past_is_refused(emulator, start):
    _, stub = start("--max-batch-items", "5")
    assert run(stub, template="{item}", items=["x"] * 5).summary.total == 5
    with fails("INVALID_ARGUMENT", "TOO_MANY_ITEMS"):
        stub.MapGenerate(Request(template="{item}", items=["x"] * 6))


def test_map__cancelled__upstream_is_aborted(emulator, stub):
    from harness import eventually
    call = stub.MapGenerate.future(Request(
        template="{item}" + control(latency="60s"), items=["x"] * 30,
        max_concurrency=20))
    assert eventually(lambda: emulator.stats()["in_flight"] == 20)
    call.cancel()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_map__as_many_items_as_the_message_holds__and_one_more(
        emulator, start):
    """Errors for all fit, to the byte; the limit is in the message."""
    import re
    _, stub = start()
    options = vertexd_pb2.BatchOptions(max_message_bytes=1_000_000)

    def ask(count):
        return stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
            template="{item}", items=["x"] * count, options=options,
            max_concurrency=100))
    with fails("INVALID_ARGUMENT", "TOO_MANY_ITEMS", field="items") as failure:
        ask(50_000)
    most = int(re.search(r"more than (\d+) fit", failure.message).group(1))
    assert 5_000 < most < 50_000
    answer = ask(most)
    assert len(answer.results) == most and answer.summary.total == most
    assert answer.ByteSize() <= 1_000_000
    with fails("INVALID_ARGUMENT", "TOO_MANY_ITEMS", field="items"):
        ask(most + 1)
