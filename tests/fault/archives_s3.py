"""An archive in a bucket: what it holds is copied to a folder, and looked at there as an archive in a folder is."""

import os
import shutil
import time

import patience
import s3
from archives import Archive, Scene, SqliteStore

BUCKET, PREFIX = "carts-archive", "shop/eu west/ä+1=2&3%"
LEASE = "1s"


class BucketArchive(Archive):
    def __init__(self, folder, bucket, prefix=PREFIX):
        super().__init__(os.path.join(folder, "copy"))
        self.bucket, self.prefix = bucket, prefix
        self.target = "s3://%s/%s" % (bucket.name, prefix)

    def key(self, name):
        return self.prefix + "/" + name if self.prefix else name

    def names(self):
        return [key[len(self.key("")):] for key in self.bucket.keys(self.key(""))]

    def copy(self):
        """What is in the bucket now, but for the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)
        for name in self.names():
            if name == "_lock":
                continue
            path = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(self.bucket.get(self.key(name)))

    def files(self):
        self.copy()
        return super().files()

    def marked(self):
        self.copy()
        return super().marked()


def happens(what):
    """Waits for it; False: it takes too long."""
    until = patience.now() + 30
    while not what():
        if patience.now() > until:
            return False
        time.sleep(0.01)
    return True


def keys():
    os.environ.update(AWS_ACCESS_KEY_ID=s3.KEY_ID, AWS_SECRET_ACCESS_KEY=s3.SECRET, AWS_EC2_METADATA_DISABLED="true")
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT") or name in ("AWS_PROFILE", "AWS_SESSION_TOKEN")]:
        del os.environ[name]


def settings_for(port):
    return {"s3.endpoint": "http://127.0.0.1:%d" % port, "s3.region": s3.REGION, "s3.lease": LEASE}


def scene_of(folder, bucket, prefix=PREFIX, store=None):
    """A store on SQLite, unless one is given, and an archive in the bucket."""
    keys()
    store = store or SqliteStore(folder)
    store.settings.update(settings_for(bucket.port))
    return Scene(store, archive=BucketArchive(folder, bucket, prefix))
