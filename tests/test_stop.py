"""Ctrl-C at every single moment of nested blocks: it is never lost, told twice, or waited for."""

import signal
import sys
import threading
from contextlib import suppress

import pytest

import rmstore.stop
from rmstore.errors import Interrupted
from rmstore.stop import Stop

FILES = {rmstore.stop.__file__, threading.__file__}

MOMENTS = 1_000
"""More than the bytecodes of any work below; the last moments are asserted to come too late."""


def blocks(stop):
    """Two blocks inside one, as statements are inside a command."""
    with stop.heard():
        with stop.heard():
            stop.check()
        with stop.heard():
            pass


def passing_over(stop):
    """Code between the statements passes over errors."""
    with stop.heard(), suppress(Interrupted), stop.heard():
        stop.check()


def failing(stop):
    """The block ends with an error of its own."""
    with suppress(ZeroDivisionError), stop.heard(), stop.heard():
        raise ZeroDivisionError


def committing(stop):
    """A commit after its statements, inside a command."""
    with stop.heard(), stop.too_late(), stop.heard():
        stop.check()


def press(work, stop, moment):
    """Press Ctrl-C before one bytecode of these files; return whether it came to that, and what was raised."""
    passed, raised = 0, None

    def trace(frame, event, _):
        nonlocal passed
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            passed += 1
            if passed == moment + 1:
                signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(stop)
    except (Interrupted, KeyboardInterrupt) as problem:
        raised = problem
    finally:
        sys.settrace(before)
    return passed > moment, raised


def outcomes(work):
    """What was raised for Ctrl-C at each moment; after every one of them all is as it was before."""
    handler, found = signal.getsignal(signal.SIGINT), []
    for moment in range(MOMENTS):
        stop = Stop()
        was_pressed, raised = press(work, stop, moment)
        assert signal.getsignal(signal.SIGINT) is handler
        assert not stop.is_set(), f"moment {moment} leaves the flag set"
        if not was_pressed:
            assert raised is None
            return found
        found.append(type(raised))
    raise AssertionError(f"{work.__name__} takes more than {MOMENTS} bytecodes")


@pytest.mark.parametrize("work", [blocks, passing_over])
def test_ctrl_c_is_never_lost(work):
    found = outcomes(work)
    assert set(found) == {Interrupted, KeyboardInterrupt}  # the latter before the first block and after the last
    first, last = found.index(Interrupted), len(found) - found[::-1].index(Interrupted)
    assert set(found[first:last]) == {Interrupted}


def test_an_error_after_ctrl_c_is_its_work_and_any_other_passes():
    assert set(outcomes(failing)) == {type(None), Interrupted, KeyboardInterrupt}
    stop = Stop()
    with pytest.raises(Interrupted) as told, stop.heard(), stop.heard():
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError
    assert isinstance(told.value.__cause__, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError), stop.heard():
        raise ZeroDivisionError


def test_ctrl_c_during_a_commit_is_passed_over_and_no_other():
    found = outcomes(committing)
    assert {Interrupted, type(None)} <= set(found)
    assert found[found.index(Interrupted) :].count(type(None)) > 0


def test_a_second_press_while_the_first_is_taken_does_not_wait():
    stop = Stop()
    for moment in range(20):
        with suppress(Interrupted), stop.heard():
            stop.set()
            press(Stop.clear, stop, moment)
    assert not stop.is_set()


def test_only_the_innermost_block_has_its_queries_stopped():
    class Cursor:
        n = 0

        def interrupt(self):
            self.n += 1

    outer, inner = Cursor(), Cursor()
    with pytest.raises(Interrupted):
        stop = Stop()
        with stop.heard(outer), stop.heard(inner):
            signal.raise_signal(signal.SIGINT)
    assert (outer.n, inner.n) == (0, 1)


def test_other_threads_leave_the_handler_alone():
    stop, seen = Stop(), []

    def work():
        with stop.heard(), stop.too_late():
            seen.append(signal.getsignal(signal.SIGINT))

    handler = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [handler]
