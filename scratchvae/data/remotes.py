"""Where the data sets are found on the network, and how their files are recognised."""

from collections.abc import Mapping
from dataclasses import dataclass

# The files that MNIST and Fashion-MNIST consist of, in the order of the content hash.
_KINDS = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
FILES = tuple(f"{kind}-ubyte" for kind in _KINDS)


@dataclass(frozen=True)
class RemoteDataset:
    """Where a data set is found on the network, and how to recognise it.

    Attributes
    ----------
    name
        Name of the data set, and of its folder.
    title
        Name of the data set in a sentence.
    mirrors
        Addresses to which a file name is appended; each ends in a slash.
    hashes
        SHA-256 of every file, by file name.
    content_hash
        SHA-256 of the entries of the training images, training labels, test images and test
        labels, one after the other and without the files' headers.
    timeout
        Seconds of silence after which a mirror is given up.
    """

    name: str
    title: str
    mirrors: tuple[str, ...]
    hashes: Mapping[str, str]
    content_hash: str
    timeout: float = 10.0


def _by_file_name(*hashes: str) -> Mapping[str, str]:
    """Give four hashes the names of the files, which are published compressed."""
    return {f"{name}.gz": sha256 for name, sha256 in zip(FILES, hashes, strict=True)}


MNIST = RemoteDataset(
    name="mnist",
    title="MNIST",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    hashes=_by_file_name(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    content_hash="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
)

FASHION_MNIST = RemoteDataset(
    name="fashion-mnist",
    title="Fashion-MNIST",
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    hashes=_by_file_name(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    content_hash="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
)

REMOTES: Mapping[str, RemoteDataset] = {remote.name: remote for remote in (MNIST, FASHION_MNIST)}
