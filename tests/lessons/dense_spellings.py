"""Spellings that pack more than one thought into a statement: a reader who is new to the subject stops at each."""

import ast

COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def dense_spellings(code):
    """(line, what it is) of each, in the order of the lines."""
    found = [(node.lineno, what) for node in ast.walk(ast.parse(code)) for what in _of_node(node)]
    return sorted(found)


def _of_node(node):
    match node:
        case ast.Assign(targets=[ast.Tuple() as names], value=ast.Tuple() as values) if _unrelated(names, values):
            yield f"{len(names.elts)} values packed into one assignment: give each a line"
        case ast.Assign(targets=[ast.Tuple()], value=ast.GeneratorExp()):
            yield "a generator unpacked into names: give each a line, or keep the list"
        case ast.Assign(value=ast.Lambda()) | ast.AnnAssign(value=ast.Lambda()):
            yield "a lambda with a name: write a def"
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) if _any_lambda(parts):
            yield "a lambda in a container: write a def"
        case ast.NamedExpr():
            yield "a walrus inside an expression: give the value a line"
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() if _nested(node):
            yield "a comprehension inside a comprehension: write a loop"
        case ast.Expr(value=ast.BoolOp()) | ast.Expr(value=ast.IfExp()):
            yield "`or`, `and` or `if` for sequence: write two statements"
        case ast.Lambda(body=ast.BoolOp(values=parts)) if any(isinstance(part, ast.Call) for part in parts):
            yield "`or` or `and` for sequence: write two statements"
        case ast.Call(keywords=keywords) if any(_made_on_the_spot(keyword) for keyword in keywords):
            yield "a dictionary made on the spot and unpacked into a call: name it, or write the arguments"


def _unrelated(names, values):
    """Neither a swap or an update at once nor plain numbers and words."""
    if all(isinstance(value, ast.Constant | ast.UnaryOp) for value in values.elts):
        return False
    return not _names(names) & _names(values)


def _names(node):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _any_lambda(parts):
    return any(isinstance(part, ast.Lambda) for part in parts)


def _nested(node):
    inner = (part for child in ast.iter_child_nodes(node) for part in ast.walk(child))
    return len(node.generators) > 1 or any(isinstance(part, COMPREHENSIONS) for part in inner)


def _made_on_the_spot(keyword):
    value = keyword.value
    joined = isinstance(value, ast.BinOp) and any(isinstance(side, ast.Dict) for side in (value.left, value.right))
    return keyword.arg is None and (isinstance(value, ast.Dict | ast.DictComp) or joined)
