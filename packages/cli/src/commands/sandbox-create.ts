import { NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { endpointOptions } from "../endpoint-request.ts";
import { sandboxOptions, sandboxRequest } from "../sandbox-request.ts";

export const sandboxCreate: Command = command({
  name: "sandbox create",
  summary: "Create or adopt a sandbox and print its id",
  details: [
    "Without --network it has a loopback interface alone, until 'network connect'. An adopted namespace (--netns, --pid)\nis connected and named, and never removed; a loopback that is down stays down.",
  ],
  options: {
    ...sandboxOptions,
    ...endpointOptions,
    netns: { value: "PATH", summary: "Adopt the network namespace that this path opens", complete: "path" },
    pid: { value: "PID", summary: "Adopt the network namespace of this process" },
  },
  examples: [
    {
      line: "netkit sandbox create --name web --network my-net -p 8080:80",
      summary: "A namespace on a network, with a published port",
    },
    {
      line: "netkit sandbox create --name db --network my-net --netns /run/netns/db",
      summary: "Adopt what 'ip netns add db' made",
    },
    { line: "netkit exec web -- ip address", summary: "Look at it from within" },
  ],
  changes: true,
  async run({ open, options, change }) {
    const { netns, pid } = options;
    if (pid !== undefined && !/^[1-9][0-9]*$/.test(pid)) {
      throw new NetkitError("ARGUMENT_INVALID", `--pid ${JSON.stringify(pid)} is not a process number`, {
        hint: "'pgrep -a NAME' finds it.",
      });
    }
    const request = {
      ...sandboxRequest(options, []),
      ...(netns === undefined ? {} : { netns }),
      ...(pid === undefined ? {} : { pid: Number(pid) }),
    };
    const netkit = await open();
    const { id, name, netns: path } = await netkit.sandboxes.open(request, change);
    return { data: { id, name, netns: path ?? null }, text: id };
  },
});
