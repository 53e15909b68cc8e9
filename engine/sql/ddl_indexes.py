"""CREATE INDEX and DROP INDEX."""

from __future__ import annotations

from engine.catalog.objects import Index
from engine.sql.definition import Definition
from engine.sql.foreign_keys import make_link
from engine.sql.row_exprs import bind_row_expr, refuse_changing
from grammar import ast


class IndexDefinition(Definition):
    """Indexes over columns and expressions, of all rows or of those a condition holds for."""

    def create_index(self, node: ast.CreateIndex) -> bool:
        """CREATE INDEX: the definition, and an entry for each row there is."""
        table = self.schema.tables.get(node.table.name.lower())
        if table is None:
            raise self.missing(node.table, "table", [t.name for t in self.schema.tables.values()])
        columns = self.key_columns(node.columns, table, node)
        where = None
        if node.where is not None:
            where = self.source(node.where)
            condition, _ = bind_row_expr(self.binder(), table, where, "in a partial index")
            refuse_changing(condition, self.text, node.where.span, "the condition of a partial index")
        if node.name is None:
            names = ("expr" if c.expr is not None else table.name_of(c) for c in columns)
            title = "_".join([table.name, *names, "idx"])
            title = self.free_name(title, set())
        else:
            if not self.new_name(node.name, "indexes", node.if_not_exists):
                return False
            title = node.name.name
        sql = self.text[node.span[0] : node.span[1]]
        index = Index(title, table.name, self.txn.create_tree(), columns, node.unique, "c", sql, where)
        self.fill(table, index)
        self.catalog.put_index(self.txn, index)
        return True

    def drop_index(self, node: ast.DropIndex) -> bool:
        """DROP INDEX."""
        changed = False
        for name in node.names:
            index = self.schema.indexes.get(name.name.lower())
            if index is None:
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self.missing(name, "index", [i.name for i in self.schema.indexes.values()])
            if index.origin == "u":
                raise self.fail(name, f"the index {index.name} serves a UNIQUE constraint of {index.table}")
            self._refuse_needed(name, index)
            self.txn.drop_tree(index.tree)
            self.catalog.remove(self.txn, "index", index.name)
            changed = True
        return changed

    def _refuse_needed(self, name: ast.ObjectName, index: Index) -> None:
        """A FOREIGN KEY may refer to what the index makes unique."""
        for child, key in self.schema.referring.get(index.table.lower(), ()):
            link = make_link(self.schema, child, key)
            if link is not None and link.target is not None and link.target.name == index.name:
                raise self.fail(name, f"the table {child.name} refers to {index.table} through the index {index.name}")
