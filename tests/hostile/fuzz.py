"""Coverage-guided fuzzing with atheris: ``python fuzz.py ingest|head|snapshot [libFuzzer options]``.

The package is no dependency: ``make fuzz`` installs it. A finding is written to crash-*, and found again by giving that
file as the last argument.
"""

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["rmstore"]):
    import rmstore
    from rmstore import head_import, ingest, json_types, snapshot_import  # noqa: F401

import targets
from ingesting import empty


def main():
    """Fuzz one target until a limit of libFuzzer ends it."""
    name, *options = sys.argv[1:]
    kept = tempfile.TemporaryDirectory()
    head, snapshot = targets.parcels(Path(kept.name))
    shared = rmstore.connect()

    def ingest_one(data):
        empty(shared)
        with tempfile.TemporaryDirectory() as folder:
            targets.ingest(shared, Path(folder), data)

    def import_one(parcel, verb):
        def call(data):
            with tempfile.TemporaryDirectory() as folder, rmstore.connect() as store:
                targets.import_folder(store, parcel, Path(folder), data, lambda to, place: getattr(to, verb)(place))

        return call

    known = {
        "ingest": ingest_one,
        "head": import_one(head, "import_head"),
        "snapshot": import_one(snapshot, "import_snapshot"),
    }
    atheris.Setup([sys.argv[0], *options], known[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
