"""Published packages of TensorFlow Lite that tests run or read: downloaded once, checked, kept."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

MAVEN = "https://repo1.maven.org/maven2/org/tensorflow"
NPM = "https://registry.npmjs.org"


@dataclass(frozen=True)
class Package:
    """One file of a registry.

    Args:
        url: where it is.
        sha256: what it must hold, since tests run code of it.
        variable: environment variable that names a copy, for machines without a network.
    """

    url: str
    sha256: str
    variable: str

    def path(self, config: pytest.Config) -> Path:
        """The file in pytest's cache, or the test is skipped."""
        if named := os.environ.get(self.variable):
            return Path(named)
        assert config.cache is not None
        path = Path(config.cache.mkdir("tflite-packages")) / Path(self.url).name
        if not path.is_file():
            try:
                with urllib.request.urlopen(self.url, timeout=30) as answer:
                    data = answer.read()
            except (urllib.error.URLError, OSError) as error:
                pytest.skip(f"no {path.name}: {error}; set {self.variable} to a copy")
            digest = hashlib.sha256(data).hexdigest()
            assert digest == self.sha256, f"{self.url} has changed: {digest}"
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            partial.write_bytes(data)
            partial.replace(path)
        return path


#: Android's runtime: headers, classes and one native library for each processor.
ANDROID_RUNTIME = Package(
    f"{MAVEN}/tensorflow-lite/2.14.0/tensorflow-lite-2.14.0.aar",
    "709db81fbfba461b1ed27e9c1e83817c2d7cc60469074eaa36c88fb8dbea4886",
    "TFPIPELINE_TFLITE_AAR",
)
#: The classes that apps see, `org.tensorflow.lite.Delegate` among them.
ANDROID_API = Package(
    f"{MAVEN}/tensorflow-lite-api/2.14.0/tensorflow-lite-api-2.14.0.aar",
    "1d1ffffe9d15969882c856249a3018ccd2199319e195a63b7b58699fc8cb836f",
    "TFPIPELINE_TFLITE_API_AAR",
)
#: libtensorflowlite_c 2.9 and the external delegate, for Linux, macOS and Windows.
C_API = Package(
    f"{NPM}/tfjs-tflite-node/-/tfjs-tflite-node-0.0.2.tgz",
    "3be1632328a76a2475e5b6833253763c802c859433becb4d879ee1860e3b5284",
    "TFPIPELINE_TFLITE_NPM",
)
