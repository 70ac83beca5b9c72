"""PipeGenerate: an endless batch, in bounded memory."""

import queue
import threading
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from vertexd.v1 import gemini_pb2, vertexd_pb2, vertexd_pb2_grpc

import goaway
from calls import Batch, Failure, fails
from harness import WAIT, control, eventually

Message = vertexd_pb2.PipeGenerateRequest
Start = vertexd_pb2.PipeStart
Prompt = vertexd_pb2.GenerateRequest
Options = vertexd_pb2.BatchOptions
INPUT = vertexd_pb2.RESULT_ORDER_INPUT
STOP = vertexd_pb2.ERROR_POLICY_STOP


def millis(count):
    return Duration(seconds=count // 1000, nanos=count % 1000 * 1_000_000)


def start_of(**settings):
    return Message(start=Start(**settings))


def item(prompt="p", **settings):
    return Message(item=Prompt(prompt=prompt, **settings))


def numbered(number, prompt="p"):
    return Message(item=Prompt(prompt=prompt), index=number)


def run(stub, items, timeout=None, options=None, **settings):
    def messages():
        yield start_of(options=options, **settings)
        for one in items:
            yield one if isinstance(one, Message) else item(one)
    return Batch(stub.PipeGenerate(messages(), timeout=timeout))


class Feed:
    """Messages that a test puts in one by one; how many gRPC has taken."""

    def __init__(self, *messages):
        self.queue = queue.Queue()
        self.taken = 0
        for message in messages:
            self.queue.put(message)

    def put(self, *messages):
        for message in messages:
            self.queue.put(message)

    def close(self):
        self.queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        message = self.queue.get()
        if message is None:
            raise StopIteration
        self.taken += 1
        return message


def test_pipe__items__one_result_each_then_a_summary(emulator, stub):
    batch = run(stub, [item(f"number {i}", id=f"id {i}") for i in range(50)],
                max_concurrency=7)
    assert batch.events == ["result"] * 50 + ["summary"]
    for i, result in enumerate(batch.by_index):
        assert result.id == f"id {i}" and f'"number {i}"' in \
            result.response.text
    assert batch.summary.max_concurrency == 7
    assert batch.summary.total_tokens > 0


def test_pipe__no_items__ok_with_an_empty_summary(emulator, stub):
    batch = run(stub, [])
    assert batch.events == ["summary"] and batch.summary.total == 0


def test_pipe__result_comes__while_the_input_is_open(emulator, stub):
    feed = Feed(start_of(), item("first"))
    call = stub.PipeGenerate(feed)
    assert '"first"' in next(call).result.response.text
    feed.put(item("second"))
    assert next(call).result.index == 1
    feed.close()
    assert next(call).summary.total == 2


def test_pipe_item__queue_time__is_from_its_own_arrival(emulator, stub):
    feed = Feed(start_of(), item("first"))
    call = stub.PipeGenerate(feed)
    next(call)
    time.sleep(4)
    feed.put(item("second"))
    serving = next(call).result.response.serving
    assert serving.queue_time.ToMilliseconds() < 4000
    feed.close()
    assert next(call).summary.total == 2


def test_pipe__defaults__hold_for_each_item(emulator, stub):
    run(stub, [item("a"), item("b", model="own")],
        defaults=Prompt(model="shared", generation_config=gemini_pb2.
                        GenerationConfig(temperature=0.5)), max_concurrency=1)
    first, second = emulator.requests(2)
    assert "/shared:" in first.path and "/own:" in second.path
    assert first.body["generationConfig"]["temperature"] == 0.5
    assert second.body["generationConfig"]["temperature"] == 0.5


def test_order__unspecified__is_as_completed(emulator, stub):
    batch = run(stub, ["slow" + control(latency="1500ms"), "a", "b"],
                max_concurrency=3)
    assert batch.indexes[-1] == 0


def test_order__input__is_that_of_arrival(emulator, stub):
    batch = run(stub, [f"p{i}" + control(latency=f"{(9 - i) * 30}ms")
                       for i in range(10)] + [""],
                max_concurrency=10, options=Options(order=INPUT))
    assert batch.indexes == list(range(11))


@pytest.mark.parametrize("messages, field", [
    ([item()], "start"),
    ([Message()], "start"),
    ([], "start"),
    ([start_of(), start_of()], "start"),
    ([start_of(), Message()], "item"),
    ([start_of(max_concurrency=-1)], "start.max_concurrency"),
    ([start_of(max_read_ahead=-1)], "start.max_read_ahead"),
    ([start_of(defaults=Prompt(prompt="x"))], "start.defaults.prompt"),
    ([start_of(defaults=Prompt(id="x"))], "start.defaults.id"),
    ([start_of(options=Options(weight=-1))], "start.options.weight"),
    ([start_of(options=Options(order=9))], "start.options.order"),
    ([Message(start=Start(), index=0)], "index"),
    ([start_of(), numbered(-1)], "index"),
    ([start_of(), item(), numbered(0)], "index"),
])
def test_pipe_messages__wrong__fail_the_call(emulator, stub, messages, field):
    with fails("INVALID_ARGUMENT", field=field):
        list(stub.PipeGenerate(iter(messages)))


def read_until_it_fails(call, code, reason):
    """The messages of a call that then fails, and the failure."""
    messages = []
    with fails(code, reason) as failure:
        for message in call:
            messages.append(message)
    return messages, failure


def test_index__as_read__nothing_changes(emulator, stub):
    items = [numbered(i, f"number {i}") for i in range(20)]
    batch = run(stub, items + [Message(index=20)])
    assert batch.codes == ["OK"] * 20
    assert all(f'"number {i}"' in text for i, text in enumerate(batch.texts))


def test_index__of_some__is_checked_there(emulator, stub):
    batch = run(stub, [Message(index=0), item(), numbered(1), Message(index=2),
                       item(), Message(index=3), Message(index=3)])
    assert batch.codes == ["OK"] * 3


def test_index__alone__misses_the_last_items(emulator, stub):
    messages, _ = read_until_it_fails(
        stub.PipeGenerate(iter([start_of(), numbered(0), Message(index=2)])),
        "DATA_LOSS", "ITEM_MISSING")
    assert [m.WhichOneof("event") for m in messages] == ["result", "summary"]


def test_index__items_are_missing__those_in_flight_are_done(
        emulator, stub):
    feed = Feed(start_of(), numbered(0, control(hold="k")), numbered(2))
    call = stub.PipeGenerate(feed, timeout=WAIT)
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    feed.put(numbered(3))
    emulator.release("k")
    messages, _ = read_until_it_fails(call, "DATA_LOSS", "ITEM_MISSING")
    feed.close()
    assert [m.WhichOneof("event") for m in messages] == ["result", "summary"]
    assert messages[0].result.HasField("response")


def test_index__items_are_missing__what_came_is_done_then_data_loss(
        emulator, server, stub):
    sent = [start_of(), numbered(0), numbered(1), numbered(3), numbered(4)]
    messages, failure = read_until_it_fails(
        stub.PipeGenerate(iter(sent)), "DATA_LOSS", "ITEM_MISSING")
    assert failure.message == "index is 3, but only 2 items came before"
    assert [m.WhichOneof("event") for m in messages] == \
        ["result", "result", "summary"]
    assert sorted(m.result.index for m in messages[:2]) == [0, 1]
    assert all(m.result.HasField("response") for m in messages[:2])
    assert messages[2].summary.total == 2
    assert emulator.stats()["requests"] == 2


def test_index__nothing_came_before__data_loss(emulator, stub):
    messages, _ = read_until_it_fails(
        stub.PipeGenerate(iter([start_of(), numbered(2**31 - 1)])),
        "DATA_LOSS", "ITEM_MISSING")
    assert [m.WhichOneof("event") for m in messages] == ["summary"]
    assert messages[0].summary.total == 0


def pipe_that_loses_its_connection(server, **arguments):
    """What comes of a numbered pipe of 60 items whose connection goes away as
    the call begins, on a channel with these arguments: results and failure."""
    proxy = goaway.Proxy(server.target)
    options = [("grpc.use_local_subchannel_pool", 1)]
    options += [(f"grpc.{k}", v) for k, v in arguments.items()]
    messages, failure = [], Failure()
    items = [numbered(i, f"number {i} " + "x" * 50_000) for i in range(60)]
    with grpc.insecure_channel(proxy.target, options=options) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        try:
            for message in stub.PipeGenerate(iter(
                    [start_of(max_concurrency=10), *items, Message(index=60)]),
                    timeout=WAIT):
                messages.append(message)
        except grpc.RpcError as error:
            failure.take(error)
    proxy.close()
    assert proxy.refused == 1
    return [m.result for m in messages if m.HasField("result")], failure


def test_connection_goes_away_as_the_call_begins__no_retries__unavailable(
        emulator, server):
    results, failure = pipe_that_loses_its_connection(server, enable_retries=0)
    assert failure.code == grpc.StatusCode.UNAVAILABLE and not results
    assert emulator.stats()["requests"] == 0


def test_connection_goes_away_as_the_call_begins__no_answer_of_another(
        emulator, server):
    """gRPC for Python makes the call again by itself, and mostly loses messages
    in that."""
    results, failure = pipe_that_loses_its_connection(server)
    for result in results:
        assert f'"number {result.index} ' in result.response.text
    if failure.code is not None:
        assert failure.reason == "ITEM_MISSING"


@pytest.mark.parametrize("wrong", [Message(), numbered(-1), start_of()])
def test_pipe_message__wrong_while_the_call_is_refused__ends_once(
        emulator, start, wrong):
    """The refusal by the engine and the message cross each other."""
    server, stub = start("--max-in-flight", "1", "--max-waiting-calls", "1")
    held = []
    for count in (1, 2):
        held.append(stub.Generate.future(Prompt(prompt=control(hold="k"))))
        assert eventually(lambda c=count: server.counters()["flows"] == c)
    for _ in range(100):
        with pytest.raises(grpc.RpcError) as caught:
            list(stub.PipeGenerate(iter([start_of(), wrong])))
        assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE,
                                       grpc.StatusCode.INVALID_ARGUMENT)
    emulator.release("k")
    assert all(call.result().text for call in held)


def test_pipe_message__wrong__nothing_more_is_sent_for_a_stopped_reader(
        emulator, server, stub):
    feed = Feed(start_of(max_concurrency=2, max_read_ahead=1000),
                *[item(control(words=2000)) for _ in range(16)],
                *[item(control(hold="k")) for _ in range(20)])
    call = stub.PipeGenerate(feed)
    assert eventually(lambda: emulator.stats()["requests"] == 18)
    feed.put(numbered(-1))
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
    assert emulator.stats()["requests"] == 18
    with fails("INVALID_ARGUMENT", field="index"):
        list(call)
    feed.close()


def test_pipe_start__does_not_come__typed_before_the_callers_timer(
        emulator, stub):
    feed = Feed()
    with fails("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT"):
        list(stub.PipeGenerate(feed, timeout=10))
    feed.close()


def test_call__message_does_not_come__request_timeout(start):
    """A call without a deadline, of one message or a pipe."""
    server, stub = start("--request-timeout", "200ms")
    feed = Feed()
    with fails("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT"):
        list(stub.PipeGenerate(feed))
    feed.close()
    feed = Feed()
    with grpc.insecure_channel(server.target) as channel, \
            fails("DEADLINE_EXCEEDED", "REQUEST_TIMEOUT"):
        channel.stream_unary("/vertexd.v1.GenerationService/Generate")(feed)
    feed.close()
    assert stub.Generate(Prompt(prompt="in time" + control(latency="500ms")))


def test_pipe_item__wrong__is_that_items_error(emulator, stub):
    text = gemini_pb2.Content(parts=[gemini_pb2.Part(text="t")])
    batch = run(stub, [item(""), item("fine"),
                       Message(item=Prompt(prompt="both", contents=[text])),
                       item(model=".."), item(id="x" * 513)])
    assert batch.codes == ["INVALID_ARGUMENT", "OK"] + ["INVALID_ARGUMENT"] * 3
    fields = [r.error.field for r in batch.by_index]
    assert fields[0].startswith("item") and fields[2].startswith("item")
    assert fields[3:] == ["item.model", "item.id"]
    assert emulator.stats()["requests"] == 1


def test_pipe_model__of_the_defaults_is_wrong__names_them(emulator, stub):
    batch = run(stub, ["a"], defaults=Prompt(model=".."))
    assert batch.results[0].error.field == "start.defaults.model"


def test_read_ahead__bytes__stop_the_reading(emulator, stub):
    """Items of 1 MB: 3 with the upstream, some 4 MiB waiting, and what gRPC
    holds on both sides."""
    feed = Feed(start_of(max_concurrency=3, max_read_ahead=1000),
                *[item("x" * 1_000_000 + control(latency="60s"))
                  for _ in range(60)])
    call = stub.PipeGenerate(feed)
    assert eventually(lambda: emulator.stats()["in_flight"] == 3)
    time.sleep(0.5)
    assert feed.taken < 20
    assert emulator.stats()["requests"] == 3
    call.cancel()
    feed.close()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_read_ahead__count__is_kept(emulator, server, stub):
    feed = Feed(start_of(max_concurrency=2, max_read_ahead=5,
                         options=Options(progress_interval=millis(100))),
                *[item("p" + control(latency="60s")) for _ in range(100)])
    call = stub.PipeGenerate(feed)
    assert eventually(lambda: emulator.stats()["in_flight"] == 2)
    time.sleep(0.3)
    progress = [next(call).progress for _ in range(3)]
    assert progress[-1].total == 7 and progress[-1].in_flight == 2
    call.cancel()
    feed.close()


def test_read_ahead__above_its_limit__is_lowered(emulator, stub):
    feed = Feed(start_of(max_concurrency=1, max_read_ahead=100_000,
                         options=Options(progress_interval=millis(200))),
                *[item("p" + control(latency="60s")) for _ in range(1500)])
    call = stub.PipeGenerate(feed)
    assert eventually(lambda: next(call).progress.total == 1001)
    time.sleep(0.3)
    assert max(next(call).progress.total for _ in range(3)) == 1001
    call.cancel()
    feed.close()


def test_slow_reader__stops_its_own_input_only(emulator, server, stub):
    feed = Feed(start_of(max_concurrency=20),
                *[item("word " + control(words=20_000)) for _ in range(600)])
    feed.close()
    call = stub.PipeGenerate(feed)
    first = next(call)
    eventually(lambda: emulator.stats()["in_flight"] == 0)
    time.sleep(0.5)
    assert emulator.stats()["requests"] < 600, "nothing holds the pipe back"
    stub.Generate(Prompt(prompt="quick"), timeout=60)
    rest = [m.result for m in call if m.WhichOneof("event") == "result"]
    assert sorted(r.index for r in [first.result, *rest]) == list(range(600))


def test_on_error__stop__what_was_read_is_aborted(emulator, stub):
    feed = Feed(start_of(max_concurrency=1, max_read_ahead=10,
                         options=Options(on_error=STOP)),
                item("good"), item("bad" + control(fault="http_500")),
                *[item("rest") for _ in range(5)])
    batch = Batch(stub.PipeGenerate(feed))  # the input stays open
    assert batch.codes[:2] == ["OK", "INTERNAL"]
    assert set(batch.codes[2:]) <= {"ABORTED"}
    assert batch.summary.total <= 7
    assert emulator.stats()["requests"] == 2
    feed.close()


def test_error_that_hits_all__ends_an_endless_input(emulator, stub):
    emulator.defaults(fault="http_403")
    done = threading.Event()

    def endless():
        yield start_of(max_concurrency=2)
        while not done.is_set():
            yield item()
    batch = Batch(stub.PipeGenerate(endless()))
    done.set()
    assert set(batch.reasons) == {"UPSTREAM_PERMISSION_DENIED"}
    assert emulator.stats()["requests"] < 10


def test_error_that_hits_all__items_with_models_of_their_own__goes_on(
        emulator, stub):
    batch = run(stub, [item("a" + control(fault="http_404"), model="m1"),
                       item("b"), item("c")], max_concurrency=1)
    assert batch.codes == ["NOT_FOUND", "OK", "OK"]


def test_deadline__open_input__summary_comes_before_it(emulator, stub):
    options = Options(deadline_margin=Duration(seconds=30))
    feed = Feed(start_of(max_concurrency=3, options=options), item("quick"),
                *[item("p" + control(latency="60s")) for _ in range(6)])
    batch = Batch(stub.PipeGenerate(feed, timeout=38))
    assert batch.codes == ["OK"] + ["DEADLINE_EXCEEDED"] * 6
    feed.close()


def test_cancel__aborts_what_is_in_flight(emulator, stub):
    feed = Feed(start_of(max_concurrency=20),
                *[item("p" + control(latency="60s")) for _ in range(60)])
    call = stub.PipeGenerate(feed)
    assert eventually(lambda: emulator.stats()["in_flight"] == 20)
    call.cancel()
    feed.close()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
    assert emulator.stats()["aborted"] == 20


def test_cancel__in_every_moment__leaves_nothing(emulator, stub):
    for delay in range(30):
        feed = Feed(start_of(max_concurrency=4, max_read_ahead=2),
                    *[item("p" + control(latency="3ms")) for _ in range(60)])
        call = stub.PipeGenerate(feed)
        timer = threading.Timer(delay / 1000, call.cancel)
        timer.start()
        try:
            list(zip(range(61), call))
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.CANCELLED
        timer.join()
        call.cancel()
        feed.close()


def test_memory_budget__short__input_waits_and_nothing_is_lost(
        emulator, start):
    _, stub = start("--memory-budget", "16MiB", "--max-request-bytes", "4MiB")
    filler = "x" * 1_500_000
    emulator.defaults(latency_ms=20)
    batch = run(stub, [item(filler) for _ in range(40)], max_concurrency=20)
    assert len(batch.results) == 40
    assert set(batch.codes) <= {"OK", "RESOURCE_EXHAUSTED"}


def test_pipe__of_20000__each_answer_to_its_own_prompt_in_flat_memory(
        emulator, server, stub):
    charged = []
    seen = set()

    def messages():
        yield start_of(max_concurrency=100)
        for i in range(20_000):
            yield item(f"number {i}")
    for event in stub.PipeGenerate(messages()):
        if event.WhichOneof("event") != "result":
            continue
        index = event.result.index
        assert f'"number {index}"' in event.result.response.text
        seen.add(index)
        if len(seen) % 2000 == 0:
            charged.append(server.counters()["bytes"])
    assert len(seen) == 20_000
    assert max(charged) < 16 * 1024 * 1024, charged
