import { encodeValue, type Commit, type LeaseId } from "@netkit/core";

/** Consul takes no more in one transaction. */
export const operationsPerTransaction = 64;

type Verb = "set" | "cas" | "lock" | "delete" | "check-index" | "check-not-exists";

/** One operation, and the key of the commit that it stands for. */
export interface Operation {
  readonly key: string;
  /** Its failure is a conflict. */
  readonly checks: boolean;
  readonly kv: {
    readonly Verb: Verb;
    readonly Key: string;
    readonly Value?: string;
    readonly Index?: number;
    readonly Session?: string;
  };
}

/**
 * A commit as a transaction of Consul, without the last operation, which gives it its revision.
 *
 * A key that is set keeps the session that holds it, and only that session can let go. So a key is removed before it is
 * written, unless it is known that nobody holds it.
 * @param free of each key, whether nobody holds it at the revision that the commit checks
 */
export function operationsOf(
  { checks, writes }: Commit,
  root: string,
  free: (key: string, revision: number) => boolean,
): Operation[] {
  const written = new Map(writes.map((write) => [write.key, write]));
  const operations: Operation[] = [];
  const add = (key: string, checks: boolean, kv: Omit<Operation["kv"], "Key">): void => {
    operations.push({ key, checks, kv: { ...kv, Key: root + key } });
  };
  // With a check that the write itself can make, and without a removal before it, a key takes one operation.
  const single = (key: string): boolean => {
    const [check, ...others] = checks.filter((candidate) => candidate.key === key);
    const write = written.get(key);
    if (check === undefined || others.length > 0 || write?.value === undefined || write.lease !== undefined)
      return false;
    return check.revision === 0 || free(key, check.revision);
  };
  for (const { key, revision } of checks) {
    if (single(key)) add(key, true, { Verb: "cas", Index: revision, Value: encoded(written.get(key)?.value) });
    else if (revision === 0) add(key, true, { Verb: "check-not-exists" });
    else add(key, true, { Verb: "check-index", Index: revision });
  }
  for (const { key, value, lease } of writes) {
    if (single(key)) continue;
    const revisions = checks.filter((check) => check.key === key).map(({ revision }) => revision);
    if (!revisions.some((revision) => revision === 0 || free(key, revision)) || value === undefined) {
      add(key, false, { Verb: "delete" });
    }
    if (value === undefined) continue;
    if (lease === undefined) add(key, false, { Verb: "set", Value: encoded(value) });
    else add(key, true, { Verb: "lock", Value: encoded(value), Session: sessionOf(lease) });
  }
  return operations;
}

/** @throws TypeError for what isn't JSON */
function encoded(value: unknown): string {
  return Buffer.from(encodeValue(value)).toString("base64");
}

/** Consul's id of a session; one that no session has for what is none of Consul's. */
function sessionOf(lease: LeaseId): string {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(lease) ? lease : "00000000-0000-0000-0000-000000000000";
}
