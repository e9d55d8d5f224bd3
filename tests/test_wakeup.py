import os
import signal
import threading
from types import FrameType

from ftmon.lines.wakeup import Wakeup


def test_no_signal_is_missed_however_close_to_the_wait_it_comes() -> None:
    came: list[int] = []
    gone = threading.Semaphore(0)

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)

    def send() -> None:
        for _ in range(3000):
            gone.acquire()
            os.kill(os.getpid(), signal.SIGUSR1)

    previous, fd = signal.signal(signal.SIGUSR1, note), signal.set_wakeup_fd(-1)
    wakeup = Wakeup()
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        for sent in range(3000):
            gone.release()
            while len(came) == sent:
                wakeup.wait()
    finally:
        signal.set_wakeup_fd(fd)
        signal.signal(signal.SIGUSR1, previous)
    sender.join()


def test_a_wake_that_comes_before_the_wait_ends_it() -> None:
    fd = signal.set_wakeup_fd(-1)
    wakeup = Wakeup()
    signal.set_wakeup_fd(fd)
    for _ in range(100_000):
        wakeup.wake()
    wakeup.wait()
    threading.Timer(0.01, wakeup.wake).start()
    wakeup.wait()
