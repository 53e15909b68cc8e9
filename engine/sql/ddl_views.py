"""CREATE VIEW and DROP VIEW."""

from __future__ import annotations

from engine.catalog.objects import View
from engine.sql.definition import Definition
from grammar import ast


class ViewDefinition(Definition):
    """Views, and temporary ones, which are the session's."""

    def create_view(self, node: ast.CreateView) -> bool:
        """CREATE VIEW. The query is bound once, so that a wrong one is refused now. A temporary one is the session's."""
        if node.or_replace and node.name.name.lower() in self.temporary:
            del self.temporary[node.name.name.lower()]
        elif node.or_replace and node.name.name.lower() in self.schema.views:
            self.catalog.remove(self.txn, "view", node.name.name)
        elif not self.new_name(node.name, "views", node.if_not_exists):
            return False
        binder = self.binder()
        binder.rename(binder.query(node.query), node.columns, node)
        if binder.params.count or binder.params.names:
            raise self.fail(node, "a view cannot have parameters")
        sql = self.text[node.query.span[0] : node.query.span[1]]
        view = View(node.name.name, sql, node.columns)
        if node.temporary:
            self.temporary[view.name.lower()] = view
        else:
            self.catalog.put_view(self.txn, view)
        return True

    def drop_view(self, node: ast.DropView) -> bool:
        """DROP VIEW."""
        changed = False
        for name in node.names:
            view = self.schema.views.get(name.name.lower())
            if view is None:
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self.missing(name, "view", [v.name for v in self.schema.views.values()])
            if self.temporary.pop(view.name.lower(), None) is None:
                self.catalog.remove(self.txn, "view", view.name)
            changed = True
        return changed
