import { didYouMean } from "@netkit/core";
import { formatJson } from "./json.ts";
import { invalid, parseTemplate, syntaxHint, type Block, type Expression, type Node } from "./template-syntax.ts";

/** Renders one value. */
export type Template = (data: unknown) => string;

interface Scope {
  readonly dot: unknown;
  /** By name without the `$`; the whole is "". */
  readonly variables: ReadonlyMap<string, unknown>;
}

/**
 * The part of Go's templates that `docker --format` users write: `{{.Field.Part}}`, `{{json .}}`,
 * `{{index .Options "key"}}`, `{{(index .List 0).Part}}`, `{{len .}}`, `{{join .List ","}}`, `{{println .A .B}}`,
 * `{{range .List}}...{{else}}...{{end}}`, `{{range $key, $value := .Map}}`, `{{$name := .Field}}`,
 * `{{if .Flag}}...{{else if .Other}}...{{end}}`, and `{{-`, `-}}`. `\t` and `\n` may be written as such.
 * @throws NetkitError ARGUMENT_INVALID, also from the template itself for a field that isn't there
 */
export function template(source: string): Template {
  const nodes = parseTemplate(source.replaceAll(/\\([tn])/g, (_, letter) => (letter === "t" ? "\t" : "\n")));
  return (data) => render(nodes, { dot: data, variables: new Map([["", data]]) });
}

function render(nodes: readonly Node[], outer: Scope): string {
  // A variable is known from its line to the end of its block.
  let scope = outer;
  return nodes
    .map((node) => {
      if (node.type === "text") return node.text;
      const value = evaluate(node.value, scope);
      if (node.type === "print") return show(value);
      if (node.type === "set") {
        scope = withVariables(scope, [[node.variable, value]]);
        return "";
      }
      if (node.type === "range") return renderRange(node, value, scope);
      return render(isEmpty(value) ? node.otherwise : node.body, scope);
    })
    .join("");
}

function renderRange({ variables, body, otherwise }: Block, value: unknown, scope: Scope): string {
  const items = itemsOf(value);
  if (items.length === 0) return render(otherwise, scope);
  return items
    .map(([key, dot]) => {
      const given = variables.length > 1 ? [key, dot] : [dot];
      const set = variables.map((name, index) => [name, given[index]] as const);
      return render(body, withVariables({ ...scope, dot }, set));
    })
    .join("");
}

/** In Go, too, maps are gone through by their sorted keys. */
function itemsOf(value: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function withVariables(scope: Scope, set: readonly (readonly [string, unknown])[]): Scope {
  return set.length === 0 ? scope : { ...scope, variables: new Map([...scope.variables, ...set]) };
}

function evaluate(expression: Expression, scope: Scope): unknown {
  switch (expression.type) {
    case "literal":
      return expression.value;
    case "variable":
      if (!scope.variables.has(expression.name)) throw invalid(`there is no variable '$${expression.name}'`);
      return scope.variables.get(expression.name);
    case "path": {
      const from = expression.from === "dot" ? scope.dot : evaluate(expression.from, scope);
      return expression.parts.reduce(field, from);
    }
    case "call":
      return call(
        expression.name,
        expression.given.map((one) => evaluate(one, scope)),
      );
  }
}

function call(name: string, given: readonly unknown[]): unknown {
  const [subject, ...others] = given;
  const run = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (run === undefined) {
    throw invalid(`unknown function '${name}'`, didYouMean(name, Object.keys(functions), syntaxHint));
  }
  if (given.length === 0 && name !== "println") throw invalid(`'${name}' needs a value`);
  return run(subject, others);
}

const functions: Readonly<Record<string, (subject: unknown, others: readonly unknown[]) => unknown>> = {
  json: (subject) => formatJson(subject, 0),
  len: (subject) =>
    typeof subject === "object" && subject !== null ? Object.keys(subject).length : show(subject).length,
  index: (subject, keys) => keys.reduce((value, key) => field(value, show(key)), subject),
  join: (subject, [separator]) =>
    itemsOf(subject)
      .map(([, item]) => show(item))
      .join(show(separator)),
  println: (subject, others) => `${[subject, ...others].map(show).join(" ")}\n`,
};

function field(value: unknown, name: string): unknown {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, name)) {
    return (value as Record<string, unknown>)[name];
  }
  const known = typeof value === "object" && value !== null ? Object.keys(value) : [];
  throw invalid(
    `there is no field '${name}'`,
    didYouMean(name, known, `Its fields are ${known.join(", ") || "none"}.`),
  );
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || value === "" || value === 0 || value === 0n;
}

function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  return formatJson(value, 0);
}
