import { announcementsOf, ipOf } from "@netkit/core";
import type { RecordChange, Records } from "@netkit/engine";
import { Announcer } from "@netkit/kernel";
import { openNetlink } from "@netkit/netlink";

/** What starting an agent may take on a busy machine. */
const startMs = 5_000;

/** Repeats what the operation has announced that made an endpoint; a command doesn't live long enough for it. */
export class Announcements {
  readonly #records: Records;
  readonly #host = openNetlink();
  readonly #announcer = new Announcer(this.#host);

  constructor(records: Records) {
    this.#records = records;
  }

  note({ type, now, before }: RecordChange): void {
    if (type !== "endpoint" || now === undefined || before !== undefined) return;
    const network = this.#records.networks.get(now.network);
    const path = this.#records.namespaces.get(now.namespace)?.path;
    if (network?.announces !== true || path === undefined || now.ifName === "" || now.handedOver || now.theirs) return;
    const { times, intervalMs } = announcementsOf(network);
    // One that was there long before the agent is no news to its neighbours; but an agent that was started for it is late.
    if (Date.now() - Date.parse(now.created) > times * intervalMs + startMs) return;
    const addresses = now.addresses.map(({ address }) => ipOf(address));
    this.#announcer.repeat(path, { link: now.ifName, addresses }, times - 1, intervalMs);
  }

  /** It has more to say. */
  get needed(): boolean {
    return this.#announcer.busy;
  }

  close(): void {
    this.#announcer[Symbol.dispose]();
    this.#host.close();
  }
}
