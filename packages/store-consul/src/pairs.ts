import { decodeValue, type Entry } from "@netkit/core";

/** As Consul's HTTP API gives them (Consul 1.8, "KV Store Endpoints"). */
export interface Pair {
  readonly Key: string;
  /** Base64; null when it is empty. */
  readonly Value: string | null;
  readonly ModifyIndex: number;
  /** Who holds it; absent when nobody does. */
  readonly Session?: string;
}

/** The entry in a pair, under a store's prefix. */
export function entryOf({ Key, Value, ModifyIndex }: Pair, root: string): Entry {
  const text = Buffer.from(Value ?? "", "base64").toString();
  return { key: Key.slice(root.length), value: decodeValue(text, Key), revision: ModifyIndex };
}

/** In bytewise order of their keys. */
export function inOrder(pairs: readonly Pair[]): Pair[] {
  return pairs.toSorted((a, b) => (a.Key < b.Key ? -1 : 1));
}
