import { folders, Host, type Place } from "./host.ts";
import type { Machine } from "./machine.ts";

/** After a failure, or a run that was killed, there may be anything, and no store; what is left of networks is records. */
const clear = `
nft delete table inet cut 2>/dev/null || true
if [ -e /var/lib/netkit/state.db ]; then
  sandboxes=$(netkit sandbox ls -q)
  [ -z "$sandboxes" ] || netkit sandbox rm -f $sandboxes
  netkit agent stop
  find /var/lib/netkit -mindepth 1 -delete
fi
`;

/** A machine that is a host itself, with nothing of netkit on it before and after. */
export class MachineHost extends Host implements AsyncDisposable {
  static async open(machine: Machine, place: Omit<Place, "name">): Promise<MachineHost> {
    const name = (await machine.exec(["hostname"])).trim();
    const host = new MachineHost(machine, { ...place, name });
    await host.shell(`${clear}
      mkdir -p ${folders.join(" ")}
      ip -6 address replace ${place.address6}/64 dev ${place.link} nodad`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shell(`${clear}
      ip -6 address del ${this.address6}/64 dev ${this.link}`);
  }
}
