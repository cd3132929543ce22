import { didYouMean, NetkitError } from "@netkit/core";
import { formatJson } from "./json.ts";

/** Renders one value. */
export type Template = (data: unknown) => string;

type Node =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "print"; readonly words: readonly Word[] }
  | Block;

interface Block {
  readonly type: "range" | "if";
  readonly words: readonly Word[];
  readonly body: Node[];
  readonly otherwise: Node[];
}

/** A path from the current value (`.Name.Part`, empty for `.`), from the whole (`$.Name`), a string, or a name. */
type Word =
  | { readonly type: "path"; readonly fromRoot: boolean; readonly parts: readonly string[] }
  | { readonly type: "string"; readonly text: string }
  | { readonly type: "name"; readonly name: string };

interface Scope {
  readonly dot: unknown;
  readonly root: unknown;
}

/**
 * The part of Go's templates that `docker --format` users write: `{{.Field.Part}}`, `{{json .}}`,
 * `{{index .Options "key"}}`, `{{len .}}`, `{{range .List}}...{{else}}...{{end}}`, `{{if .Flag}}...{{else}}...{{end}}`,
 * and `{{-`, `-}}`. `\t` and `\n` may be written as such.
 * @throws NetkitError ARGUMENT_INVALID, also from the template itself for a field that isn't there
 */
export function template(source: string): Template {
  const nodes = parse(source.replaceAll(/\\([tn])/g, (_, letter) => (letter === "t" ? "\t" : "\n")));
  return (data) => render(nodes, { dot: data, root: data });
}

function parse(source: string): Node[] {
  const root: Node[] = [];
  /** Where nodes go now; blocks open below it. */
  const open: { block: Block; into: Node[] }[] = [];
  const current = (): Node[] => open.at(-1)?.into ?? root;
  const parts = source.split(/(\{\{-? ?[^]*?-?\}\})/);
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      const text = trimText(part, parts[index - 1], parts[index + 1]);
      if (text.includes("{{")) throw invalid("a '{{' is not closed");
      if (text !== "") current().push({ type: "text", text });
      continue;
    }
    const words = parseWords(part.replace(/^\{\{-?/, "").replace(/-?\}\}$/, ""));
    const [first, ...rest] = words;
    if (first === undefined) throw invalid("'{{}}' holds nothing");
    const keyword = first.type === "name" ? first.name : "";
    const top = open.at(-1);
    if (keyword === "range" || keyword === "if") {
      const block: Block = { type: keyword, words: rest, body: [], otherwise: [] };
      current().push(block);
      open.push({ block, into: block.body });
    } else if (keyword === "else" || keyword === "end") {
      if (top === undefined) throw invalid(`'${keyword}' without 'range' or 'if'`);
      open.pop();
      if (keyword === "else") open.push({ block: top.block, into: top.block.otherwise });
    } else {
      current().push({ type: "print", words });
    }
  }
  if (open.length > 0) throw invalid(`'${open.at(-1)?.block.type}' without 'end'`);
  return root;
}

function trimText(text: string, before: string | undefined, after: string | undefined): string {
  const left = before?.endsWith("-}}") ? text.trimStart() : text;
  return after?.startsWith("{{-") ? left.trimEnd() : left;
}

function parseWords(text: string): Word[] {
  const words: Word[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const match = /^(?:(\$?)((?:\.[\w-]+)+|\.)|(\$)|"((?:[^"\\]|\\.)*)"|([a-z]+))(?:\s+|$)/i.exec(rest);
    if (match === null) throw invalid(`can't understand '${rest}'`);
    const [all, dollar, path, root, string, name] = match;
    if (path !== undefined) {
      words.push({ type: "path", fromRoot: dollar === "$", parts: path.split(".").filter((part) => part !== "") });
    } else if (root !== undefined) words.push({ type: "path", fromRoot: true, parts: [] });
    else if (string !== undefined) words.push({ type: "string", text: string.replaceAll(/\\(.)/g, "$1") });
    else words.push({ type: "name", name: name ?? "" });
    rest = rest.slice(all.length);
  }
  return words;
}

function render(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join("");
}

function renderNode(node: Node, scope: Scope): string {
  if (node.type === "text") return node.text;
  const value = evaluate(node.words, scope);
  if (node.type === "print") return show(value);
  if (node.type === "if") return render(isEmpty(value) ? node.otherwise : node.body, scope);
  const items = typeof value === "object" && value !== null ? Object.values(value) : [];
  if (items.length === 0) return render(node.otherwise, scope);
  return items.map((dot: unknown) => render(node.body, { ...scope, dot })).join("");
}

function evaluate(words: readonly Word[], scope: Scope): unknown {
  const [first, ...rest] = words;
  if (first === undefined) throw invalid("a value is missing");
  if (first.type !== "name") {
    if (rest.length > 0) throw invalid("one value too many");
    return valueOf(first, scope);
  }
  const [subject, ...keys] = rest.map((word) => valueOf(word, scope));
  switch (first.name) {
    case "json":
      return formatJson(subject, 0);
    case "len":
      return typeof subject === "object" && subject !== null ? Object.keys(subject).length : show(subject).length;
    case "index":
      return keys.reduce((value, key) => field(value, show(key)), subject);
    default:
      throw invalid(`unknown function '${first.name}'`, didYouMean(first.name, ["json", "len", "index"], syntax));
  }
}

function valueOf(word: Word, scope: Scope): unknown {
  if (word.type === "string") return word.text;
  if (word.type === "name") throw invalid(`can't understand '${word.name}'`);
  return word.parts.reduce(field, word.fromRoot ? scope.root : scope.dot);
}

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

const syntax = "Write it as '{{.Name}}', '{{json .}}', 'table {{.ID}}\\t{{.Name}}' or 'json'.";

function invalid(why: string, hint = syntax): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `invalid --format: ${why}`, { hint });
}
