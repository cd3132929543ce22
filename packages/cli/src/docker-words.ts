const ls = "It is 'netkit sandbox ls'.";
const rm = "It is 'netkit sandbox rm SANDBOX...'.";
const end = "A sandbox's process ends with it: netkit sandbox rm -f SANDBOX";
const start =
  "A sandbox runs its command once: remove it and run it again, or run another one in it with 'netkit exec'.";
const images = "There are no images: 'netkit run -- COMMAND' runs a command of the host.";

/** What to type here for what is a command of Docker's, about a container. */
const aboutSandboxes: Readonly<Record<string, string>> = {
  ps: ls,
  ls,
  list: ls,
  rm,
  remove: rm,
  delete: rm,
  inspect: "It is 'netkit sandbox inspect SANDBOX' or 'netkit network inspect NETWORK'.",
  create: "It is 'netkit sandbox create', or 'netkit run -- COMMAND' to start a command as well.",
  run: "It is 'netkit run -- COMMAND'.",
  exec: "It is 'netkit exec SANDBOX -- COMMAND'.",
  port: "It is 'netkit port ls SANDBOX'.",
  prune: "It is 'netkit sandbox rm $(netkit sandbox ls -q --filter state=exited)'.",
  stop: end,
  kill: end,
  start,
  restart: start,
  logs: "The output of 'run -d' is in logs/ID.log of the state directory (/var/lib/netkit), or in the file of --log.",
  rename: "A name stays; 'network connect --alias' gives another one.",
  wait: "'netkit run' without -d waits for its command; 'netkit events' tells when another one ends.",
  top: "The processes are the host's: 'netkit sandbox inspect' has the number of a sandbox's own.",
};

const others: Readonly<Record<string, string>> = {
  container: "It is 'netkit sandbox'.",
  net: "It is 'netkit network'.",
  node: "It is 'netkit host ls'.",
  swarm: "Hosts share networks by a store: netkit agent --store etcd://HOST:2379",
  image: images,
  images,
  pull: images,
  build: images,
};

/** A hint for a command that netkit hasn't, and Docker has: `ps`, `container ls`, from habit `sandbox stop`, `network delete`. */
export function dockerHint([first = "", second = ""]: readonly string[]): string | undefined {
  if (first === "port" && second !== "") return `It is 'netkit port ls ${second.slice(0, 80)}'.`;
  if (second === "delete" && ["network", "pod"].includes(first)) return `It is 'netkit ${first} rm'.`;
  if (first === "container" || first === "sandbox") return at(aboutSandboxes, second) ?? at(others, first);
  return at(aboutSandboxes, first) ?? at(others, first);
}

function at(table: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

const ofFiles = "Commands are the host's and see its files: there are no images and no volumes.";
const ofLimits =
  "netkit has no limits but --rate: start the command under 'systemd-run --scope' or 'prlimit' for others.";
const ofRights = "The command runs as netkit does, with its rights: say 'setpriv ... COMMAND' for others.";
const ofEnds = "netkit doesn't start again what has ended: have systemd run 'netkit run' with Restart=.";
const ofExposing = "There is nothing to declare: neighbours reach every port, -p publishes one on the host.";

const ofStreams = "In the foreground input and output are the command's; with -d the output goes to its log.";

/** Why netkit hasn't an option that commands of Docker for containers have, and what there is. */
const options: Readonly<Record<string, string>> = {
  "--volume": ofFiles,
  "-v": ofFiles,
  "--volumes-from": ofFiles,
  "--mount": ofFiles,
  "--tmpfs": ofFiles,
  "--read-only": ofFiles,
  "--pull": ofFiles,
  "--platform": ofFiles,
  "--entrypoint": "There are no images with an entry point: write the command after '--'.",
  "--user": "The command runs as netkit does: say 'setpriv --reuid=USER --regid=GROUP --init-groups COMMAND'.",
  "-u": "The command runs as netkit does: say 'setpriv --reuid=USER --regid=GROUP --init-groups COMMAND'.",
  "--privileged": "The command has netkit's own rights anyway.",
  "--cap-add": "The command has netkit's own rights anyway.",
  "--cap-drop": ofRights,
  "--security-opt": ofRights,
  "--memory": ofLimits,
  "-m": ofLimits,
  "--cpus": ofLimits,
  "--pids-limit": ofLimits,
  "--ulimit": ofLimits,
  "--restart": ofEnds,
  "--publish-all": ofExposing,
  "-P": ofExposing,
  "--expose": ofExposing,
  "--cidfile": "It prints the id with -d: netkit run -d ... > FILE",
  "--attach": ofStreams,
  "-a": ofStreams,
  "--init": "There is no namespace of processes: the host's own init takes up what the command leaves behind.",
  "--link": "Sandboxes of a network find each other by name; --alias gives a further name.",
};

/** A hint for an option that a command of netkit hasn't, and Docker's has. */
export function dockerOptionHint(command: string, option: string): string | undefined {
  const isLikeDockers = ["run", "exec", "sandbox create", "network connect", "pod add"].includes(command);
  return isLikeDockers ? at(options, option) : undefined;
}
