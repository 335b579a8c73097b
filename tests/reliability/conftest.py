"""One bench for all kill tests, and their count at the end of the run."""

import killing
import pytest

KILLS = pytest.StashKey[list[tuple[str, bool]]]()


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    return killing.Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def count_kill(request):
    """Count a kill: ``count_kill("ingest", hit=True)``."""
    kills = request.config.stash.setdefault(KILLS, [])

    def count(operation, *, hit):
        kills.append((operation, hit))

    return count


def pytest_terminal_summary(terminalreporter, config):
    kills = config.stash.get(KILLS, [])
    if not kills:
        return
    terminalreporter.section("kills")
    for operation in sorted({operation for operation, _ in kills}):
        hits = [hit for name, hit in kills if name == operation]
        terminalreporter.write_line(f"{operation:16} {len(hits):4} kills, {sum(hits):4} in the middle of the work")
    all_hits = [hit for _, hit in kills]
    terminalreporter.write_line(f"{'all':16} {len(all_hits):4} kills, {sum(all_hits):4} in the middle of the work")
