"""A model file is whole, is the one that was written, and disturbs nothing around it."""

import json
import os
import stat
import threading
import zipfile

import numpy as np
import pytest
from models import bits, run_python

from dbnlab import DBN, RBM, datasets, files

UNIX = pytest.mark.skipif(os.name == "nt", reason="modes and links of Unix")


@pytest.fixture
def gaussian(rng):
    rbm = RBM(2, visible="gaussian", learn_variance=True, n_epochs=2, random_state=0)
    return rbm.fit(3 * rng.standard_normal((40, 3)))


@pytest.fixture
def path(gaussian, tmp_path):
    gaussian.save(tmp_path / "model")
    return tmp_path / "model"


def test_every_flipped_bit_is_noticed(path, gaussian):
    whole = path.read_bytes()
    assert bits(RBM.load(path)) == bits(gaussian)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="model is damaged or not a model"):
            RBM.load(path)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"", bytes])
def test_a_file_of_another_length_is_refused(path, change):
    content = path.read_bytes()
    path.write_bytes(change(content))
    if change is bytes:
        RBM.load(path)
        return
    with pytest.raises(ValueError, match="model is damaged or not a model"):
        RBM.load(path)


EDITS = {
    "one more array": lambda h, a: a.update(more=np.zeros(2)),
    "one array less": lambda h, a: a.pop("log_variance"),
    "another shape": lambda h, a: a.update(visible_bias=np.zeros(4)),
    "integers": lambda h, a: a.update(visible_bias=np.zeros(3, int)),
    "not finite": lambda h, a: a["weights"].fill(np.nan),
    "backend": lambda h, a: h["parameters"].update(backend="gaussian"),
    "batch size": lambda h, a: h["parameters"].update(batch_size="x"),
    "unknown parameter": lambda h, a: h["parameters"].update(more=1),
    "number of units": lambda h, a: h["parameters"].update(n_hidden=5),
    "history": lambda h, a: h.update(history=-1),
    "ragged history": lambda h, a: h["history"].update(update_ratio=[1.0]),
    "texts in the history": lambda h, a: h["history"].update(update_ratio=["a", "b"]),
    "names": lambda h, a: a.update(feature_names_in=np.array(["a", "b"])),
    "names that are numbers": lambda h, a: a.update(feature_names_in=np.arange(3)),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_does_not_belong_together_is_refused(path, edit):
    header, arrays = files.read(path, "RBM")
    edit(header, arrays)
    files.write(path, header, arrays)
    with pytest.raises(ValueError, match="model is damaged"):
        RBM.load(path)


@pytest.mark.parametrize("edit", ["more", "less", "classes", "layer_sizes"])
def test_the_same_holds_for_a_stack(tmp_path, X, edit):
    DBN((4, 3), RBM(n_epochs=1), joint_labels=True).fit(X, X[:, 0]).save(tmp_path / "dbn")
    header, arrays = files.read(tmp_path / "dbn", "DBN")
    if edit == "more":
        arrays["more"] = np.zeros(2)
    elif edit == "less":
        del arrays["generative_weights_0"]
    elif edit == "classes":
        arrays["classes"] = arrays["classes"][:1]
    else:
        header["parameters"]["layer_sizes"] = [4, 4]
    files.write(tmp_path / "dbn", header, arrays)
    with pytest.raises(ValueError, match="dbn is damaged"):
        DBN.load(tmp_path / "dbn")


def test_nothing_is_unpacked(path):
    arrays = dict(np.load(path))
    arrays["weights"] = np.zeros((3000, 3000))
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    with pytest.raises(ValueError, match="it is compressed"):
        RBM.load(path.with_suffix(".npz"))


def test_a_file_without_digest_is_refused_unless_it_is_of_the_first_version(path, gaussian):
    arrays = dict(np.load(path))
    path = path.with_suffix(".npz")
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="its digest is another"):
        RBM.load(path)
    header = json.loads(str(arrays["header"]))
    del header["version"]
    np.savez(path, **arrays | {"header": np.array(json.dumps(header))})
    assert bits(RBM.load(path)) == bits(gaussian)


def test_the_network_that_comes_with_the_package_loads():
    assert DBN.load(datasets.path("mnist_dbn.npz")).layer_sizes == [500, 500, 2000]


def test_what_could_not_be_loaded_is_not_saved(gaussian, tmp_path):
    gaussian.weights_[0, 0] = np.nan
    with pytest.raises(ValueError, match="weights contains NaN"):
        gaussian.save(tmp_path / "model")
    assert not os.listdir(tmp_path)


# The file system ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "saying"),
    [
        ("", IsADirectoryError, "is a folder: give the path of a file"),
        ("nowhere/model", FileNotFoundError, "there is no folder .*nowhere: make it first"),
        (None, TypeError, "NoneType"),
    ],
)
def test_errors_of_the_operating_system_stay_what_they_are(gaussian, tmp_path, name, error, saying):
    place = name if name is None else os.path.join(tmp_path, name)
    with pytest.raises(error, match=saying):
        gaussian.save(place)
    with pytest.raises(error):
        RBM.load(place)
    assert not os.listdir(tmp_path)


def test_a_file_is_on_the_disk_before_it_takes_its_place(gaussian, tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, lambda *paths, name=name: done.append(name))
    gaussian.save(tmp_path / "model")
    assert done == ["fsync", "replace"]


@UNIX
def test_mode_and_link_stay(gaussian, tmp_path):
    model, link = tmp_path / "model", tmp_path / "link"
    gaussian.save(model)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(model.stat().st_mode) == 0o666 & ~umask
    model.chmod(0o640)
    link.symlink_to("model")
    gaussian.save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(model.stat().st_mode) == 0o640


def test_threads_may_save_to_one_path(gaussian, tmp_path):
    failures = []

    def save():
        try:
            for _ in range(25):
                gaussian.save(tmp_path / "model")
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert os.listdir(tmp_path) == ["model"]
    assert bits(RBM.load(tmp_path / "model")) == bits(gaussian)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has files without a name")
@pytest.mark.parametrize("moment", ["fsync", "link"])
def test_a_process_killed_while_it_saves_leaves_no_other_file(tmp_path, moment):
    code = """if True:
        import os, signal, sys
        import numpy as np
        from dbnlab import RBM

        rbm = RBM.from_arrays(np.zeros((3, 2)), np.zeros(3), np.zeros(2))
        rbm.save("model")
        kill = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
        setattr(os, sys.argv[1], kill)
        if not os.fork():
            rbm.save("model")
        os.wait()
        print(os.listdir())
    """
    assert run_python(code, moment, cwd=tmp_path).strip() == "['model']"
    RBM.load(tmp_path / "model")


def test_a_model_file_is_an_archive_of_arrays(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert len(archive.comment) == files.DIGEST_BYTES
    assert set(np.load(path)) >= {"header", "weights", "log_variance"}


def test_ctrl_c_while_an_archive_is_written_stays_ctrl_c(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("Can't close the ZIP file while there is an open writing handle on it")

    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(tmp_path / "model", {}, {})
    assert not list(tmp_path.iterdir())


def test_a_file_of_a_newer_version_is_said_to_be_one(gaussian, tmp_path):
    header, arrays = gaussian.to_parts()
    newer = {"model": "RBM", "version": files.VERSION + 1, **header}
    files.write(tmp_path / "new", newer, arrays)
    with pytest.raises(ValueError, match="saved by a newer dbnlab: update"):
        RBM.load(tmp_path / "new")
