"""Does something when a module has been imported, so that functions that do not
import it do not wait for it."""

import sys

_wanted = {}


class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in _wanted:
            return None
        then = _wanted.pop(name)
        if not _wanted:
            sys.meta_path.remove(Finder)
        for finder in sys.meta_path:
            if finder is Finder:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = Loader(spec.loader, then)
                return spec
        return None


class Loader:
    """A module's own loader, and what is to be done afterwards."""

    def __init__(self, loader, then):
        self.loader, self.then = loader, then

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.then(module)


def after(name, then):
    """Calls then with the module once it has been imported."""
    if name in sys.modules:
        then(sys.modules[name])
        return
    if not _wanted:
        sys.meta_path.insert(0, Finder)
    _wanted[name] = then
