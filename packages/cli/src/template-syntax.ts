import { NetkitError } from "@netkit/core";

/** What a template consists of. */
export type Node =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "print"; readonly value: Expression }
  | { readonly type: "set"; readonly variable: string; readonly value: Expression }
  | Block;

export interface Block {
  readonly type: "range" | "if";
  readonly value: Expression;
  /** Of a range: the variable of each item, or those of its key and of the item; without the `$`. */
  readonly variables: readonly string[];
  readonly body: Node[];
  readonly otherwise: Node[];
}

/** A value, or a function's name and what it is given. */
export type Expression =
  | { readonly type: "literal"; readonly value: string | number }
  /** A path from something: `.Name.Part` from the current value, `$.Name` from the whole, `$v.Name`, `(index . 0).Name`. */
  | { readonly type: "path"; readonly from: "dot" | Expression; readonly parts: readonly string[] }
  /** `$` is the variable "". */
  | { readonly type: "variable"; readonly name: string }
  | { readonly type: "call"; readonly name: string; readonly given: readonly Expression[] };

/** @throws NetkitError ARGUMENT_INVALID */
export function parseTemplate(source: string): Node[] {
  const root: Node[] = [];
  /** Where nodes go now, and the blocks that one `end` closes: `else if` opens a further one. */
  const open: { readonly block: Block; readonly into: Node[]; readonly chained: boolean }[] = [];
  const current = (): Node[] => open.at(-1)?.into ?? root;
  const begin = (block: Block, chained: boolean): void => {
    current().push(block);
    open.push({ block, into: block.body, chained });
  };
  const parts = source.split(/(\{\{-? ?[^]*?-?\}\})/);
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      const text = trimText(part, parts[index - 1], parts[index + 1]);
      if (text.includes("{{")) throw invalid("a '{{' is not closed");
      if (text !== "") current().push({ type: "text", text });
      continue;
    }
    const words = new Words(part.replace(/^\{\{-?/, "").replace(/-?\}\}$/, ""));
    if (words.atEnd) throw invalid("'{{}}' holds nothing");
    const keyword = words.take(/^(range|if|else|end)(?![\w.])/);
    if (keyword === "range" || keyword === "if") {
      begin(block(keyword, words), false);
    } else if (keyword !== undefined) {
      const top = open.pop();
      if (top === undefined) throw invalid(`'${keyword}' without 'range' or 'if'`);
      if (keyword === "else") {
        open.push({ ...top, into: top.block.otherwise });
        if (words.take(/^if(?![\w.])/) !== undefined) begin(block("if", words), true);
      } else {
        for (let closed: typeof top | undefined = top; closed?.chained;) closed = open.pop();
      }
    } else {
      const variable = words.take(/^\$\w+(?=\s*:=)/)?.slice(1);
      if (variable !== undefined) words.take(/^:=/);
      const value = expression(words);
      current().push(variable === undefined ? { type: "print", value } : { type: "set", variable, value });
    }
    if (!words.atEnd) throw words.misunderstood();
  }
  if (open.length > 0) throw invalid(`'${open.at(-1)?.block.type}' without 'end'`);
  return root;
}

function trimText(text: string, before: string | undefined, after: string | undefined): string {
  const left = before?.endsWith("-}}") ? text.trimStart() : text;
  return after?.startsWith("{{-") ? left.trimEnd() : left;
}

function block(type: Block["type"], words: Words): Block {
  const declared = type === "range" ? words.take(/^\$\w+(\s*,\s*\$\w+)?\s*:=/) : undefined;
  const variables = [...(declared ?? "").matchAll(/\$(\w+)/g)].map(([, name = ""]) => name);
  return { type, variables, value: expression(words), body: [], otherwise: [] };
}

/** A function with what it is given, or one value; up to the end or a closing parenthesis. */
function expression(words: Words): Expression {
  const name = words.take(/^[a-z]\w*/i);
  if (name === undefined) {
    const value = operand(words);
    if (value === undefined) throw words.atEnd ? invalid("a value is missing") : words.misunderstood();
    if (operand(words) !== undefined) throw invalid("one value too many");
    return value;
  }
  const given: Expression[] = [];
  for (let value = operand(words); value !== undefined; value = operand(words)) given.push(value);
  return { type: "call", name, given };
}

function operand(words: Words): Expression | undefined {
  const number = words.take(/^-?\d+(?![\w.])/);
  if (number !== undefined) return { type: "literal", value: Number(number) };
  const string = words.take(/^"(?:[^"\\]|\\.)*"/) ?? words.take(/^`[^`]*`/);
  if (string !== undefined) {
    const inner = string.slice(1, -1);
    return { type: "literal", value: string.startsWith("`") ? inner : inner.replaceAll(/\\(.)/g, "$1") };
  }
  const path = words.take(pathPattern);
  if (path !== undefined) return { type: "path", from: "dot", parts: partsOf(path) };
  const variable = words.takeBare(/^\$\w*/);
  if (variable !== undefined) return words.pathFrom({ type: "variable", name: variable.slice(1) });
  if (words.take(/^\(/) === undefined) return undefined;
  const inner = expression(words);
  if (words.takeBare(/^\)/) === undefined) throw words.atEnd ? invalid("a '(' is not closed") : words.misunderstood();
  return words.pathFrom(inner);
}

const pathPattern = /^(?:(?:\.[\w-]+)+|\.(?![\w.-]))/;

function partsOf(path: string): string[] {
  return path.split(".").filter((part) => part !== "");
}

/** What is left of the inside of `{{ }}`. */
class Words {
  #rest: string;

  constructor(text: string) {
    this.#rest = text.trim();
  }

  get atEnd(): boolean {
    return this.#rest === "";
  }

  /** What the pattern finds at the beginning, with the blanks after it gone. */
  take(pattern: RegExp): string | undefined {
    const found = this.takeBare(pattern);
    if (found !== undefined) this.#rest = this.#rest.trimStart();
    return found;
  }

  /** As `take`, but the blanks stay: a field's path follows without one. */
  takeBare(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.#rest)?.[0];
    if (found !== undefined) this.#rest = this.#rest.slice(found.length);
    return found;
  }

  pathFrom(from: Expression): Expression {
    const path = this.take(/^(?:\.[\w-]+)+|^\s+|^(?=\)|$)/);
    if (path === undefined) throw this.misunderstood();
    return path.startsWith(".") ? { type: "path", from, parts: partsOf(path) } : from;
  }

  misunderstood(): NetkitError {
    return invalid(`can't understand '${this.#rest}'`);
  }
}

export const syntaxHint = "Write it as '{{.Name}}', '{{json .}}', 'table {{.ID}}\\t{{.Name}}' or 'json'.";

export function invalid(why: string, hint: string = syntaxHint): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `invalid --format: ${why}`, { hint });
}
