// What a disk may hold after a power cut, by what was asked of it.
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Image } from "./image.ts";
import { randoms, upTo } from "./random.ts";
import type { Event } from "./recording.ts";

type Change = Extract<Event, { kind: "write" | "truncate" }>;

/** A sector is written as a whole or not at all, a write of many in any order. */
const sector = 512;

class File {
  /** On disk for certain. */
  readonly content: Image = new Image();
  /** Asked for, in this order; any of it may be on disk. */
  readonly changes: Change[] = [];
  /** Of those that flush it, how many changes there were when they began. */
  readonly flushing = new Map<string, number>();

  flushed(count: number): void {
    for (const change of this.changes.splice(0, count)) apply(this.content, change);
    for (const [by, begun] of this.flushing) this.flushing.set(by, Math.max(0, begun - count));
  }
}

/** A folder on a disk, up to some event. */
export class Disk {
  readonly #folder: string;
  readonly #names = new Map<string, File>();
  /** On disk for certain. */
  readonly #durableNames = new Map<string, File>();
  #nameChanges: { readonly path: string; readonly file: File | undefined }[] = [];
  #folderFlushing = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  apply(event: Event): void {
    switch (event.kind) {
      case "said":
        break;
      case "create":
      case "unlink": {
        const file = event.kind === "create" ? new File() : undefined;
        if (file === undefined) this.#names.delete(event.path);
        else this.#names.set(event.path, file);
        this.#nameChanges.push({ path: event.path, file });
        break;
      }
      case "write":
      case "truncate":
        this.#names.get(event.path)?.changes.push(event);
        break;
      case "sync": {
        const file = this.#names.get(event.path);
        if (event.path === this.#folder) this.#folderFlushing = this.#nameChanges.length;
        else file?.flushing.set(event.by, file.changes.length);
        break;
      }
      case "synced": {
        const file = this.#names.get(event.path);
        if (event.path === this.#folder) this.#settleNames(this.#folderFlushing);
        else {
          const count = file?.flushing.get(event.by) ?? 0;
          file?.flushing.delete(event.by);
          file?.flushed(count);
        }
      }
    }
  }

  #settleNames(count: number): void {
    for (const { path, file } of this.#nameChanges.splice(0, count))
      if (file === undefined) this.#durableNames.delete(path);
      else this.#durableNames.set(path, file);
  }

  /** Of what was written, what isn't on disk for certain. */
  pendingBytes(): number {
    return [...this.#names.values()]
      .flatMap(({ changes }) => changes)
      .reduce((sum, change) => sum + (change.kind === "write" ? change.data.length : 0), 0);
  }

  /** Writes what one power cut leaves into a folder. The memory that processes share (`-shm`) is none of the disk's: it may be anything. */
  cut(seed: number, folder: string): void {
    const random = randoms(seed);
    mkdirSync(folder, { mode: 0o700 });
    const names = new Map(this.#durableNames);
    // Folders are journalled: what comes first is there first.
    for (const { path, file } of this.#nameChanges.slice(0, upTo(this.#nameChanges.length, random)))
      if (file === undefined) names.delete(path);
      else names.set(path, file);
    for (const [path, file] of names) {
      if (path.endsWith("-shm") && random() < 0.5) continue;
      const content = path.endsWith("-shm") ? noise(32_768, random) : left(file, random);
      writeFileSync(join(folder, basename(path)), content, { mode: 0o600 });
    }
  }
}

/** What is left of a file: its changes up to one that is torn, or any sectors of them. */
function left({ content, changes }: File, random: () => number): Buffer {
  const image = content.copy();
  if (random() < 0.5) {
    const kept = upTo(changes.length, random);
    for (const change of changes.slice(0, kept)) apply(image, change);
    const torn = changes[kept];
    if (torn?.kind === "write") image.write(torn.offset, torn.data.subarray(0, upTo(torn.data.length, random)));
  } else {
    const lost = random();
    for (const change of changes)
      if (change.kind === "write") scatter(image, change, lost, random);
      else if (random() >= lost) apply(image, change);
  }
  return image.bytes();
}

/** A write of which each sector may be missing: there is what was there before, and behind the file's end zeros, or anything. */
function scatter(
  image: Image,
  { offset, data }: Extract<Change, { kind: "write" }>,
  lost: number,
  random: () => number,
): void {
  for (let from = 0; from < data.length;) {
    const to = Math.min(data.length, from + sector - ((offset + from) % sector));
    if (random() >= lost) image.write(offset + from, data.subarray(from, to));
    else if (offset + from >= image.size && random() < 0.5)
      image.write(offset + from, random() < 0.5 ? Buffer.alloc(to - from) : noise(to - from, random));
    from = to;
  }
}

function apply(image: Image, change: Change): void {
  if (change.kind === "write") image.write(change.offset, change.data);
  else image.resize(change.size);
}

function noise(length: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length }, () => upTo(255, random)));
}
