import { isNetkitError, NetkitError } from "@netkit/core";
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from "yaml";

/** Where something is in the file: keys and indices, from the top. */
export type Where = readonly (string | number)[];

interface Problem {
  readonly line: number;
  readonly text: string;
}

/** So many are told at once. */
const mostProblems = 5;

/** The text of a peers file, and what is wrong with it. */
export class Source {
  readonly path: string;
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #problems: Problem[] = [];

  /** @throws NetkitError CONFIG_INVALID for what is no YAML */
  constructor(path: string, text: string) {
    this.path = path;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of this.#document.errors)
      this.#problems.push({ line: this.#lines.linePos(pos[0]).line, text: message });
    this.refuse();
  }

  get content(): unknown {
    try {
      return this.#document.toJS();
    } catch (error) {
      // Aliases of aliases.
      this.blame([], error instanceof Error ? error.message : String(error));
      return this.refuse();
    }
  }

  blame(where: Where, what: string): void {
    this.#problems.push({ line: this.lineOf(where), text: where.length === 0 ? what : `${where.join(".")}: ${what}` });
  }

  /** What a part of it comes to; undefined if that is refused, which is blamed on the place. */
  attempt<T>(where: Where, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!isNetkitError(error)) throw error;
      this.blame(where, error.message);
      return undefined;
    }
  }

  /** @throws NetkitError CONFIG_INVALID if anything was blamed */
  refuse(): void {
    if (this.#problems.length === 0) return;
    const sorted = this.#problems.toSorted((a, b) => a.line - b.line);
    const told = sorted.slice(0, mostProblems).map(({ line, text }) => `${this.path}:${line}: ${text}`);
    const more = sorted.length - told.length;
    throw new NetkitError("CONFIG_INVALID", told.join("; ") + (more > 0 ? `; and ${more} more` : ""), {
      hint: "Mend it; agents that run go on with what it said before.",
      details: { path: this.path, problems: sorted },
    });
  }

  /** That of the innermost part that is there, from 1 on. */
  lineOf(where: Where): number {
    let node: unknown = this.#document.contents;
    let offset = isNode(node) ? node.range?.[0] : undefined;
    for (const step of where) {
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
        if (pair === undefined) break;
        offset = isNode(pair.key) ? pair.key.range?.[0] : offset;
        node = pair.value;
      } else if (isSeq(node)) {
        node = node.items[Number(step)];
        if (!isNode(node)) break;
        offset = node.range?.[0];
      } else break;
    }
    return this.#lines.linePos(offset ?? 0).line || 1;
  }
}
