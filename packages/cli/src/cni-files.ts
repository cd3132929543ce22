import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetkitError } from "@netkit/core";
import { pluginTypes, variableNames, type PluginType } from "@netkit/runtime-cni";
import { formatJson } from "./json.ts";
import { shellLine } from "./shell.ts";

const mark = "# Written by 'netkit cni install'; 'netkit cni uninstall' removes it.";

/**
 * The executable of a plugin. Where an agent of the root runs, it does the work, and what asks it is Perl, without modules: that is
 * part of every Debian and starts in a tenth of the time that Node takes, and a quarter of curl's. What the agent doesn't answer,
 * for whatever reason, is done by Node here.
 * @param socket the agent's
 * @param command does the plugin's work by itself
 */
export function pluginScript(type: PluginType, socket: string, command: readonly string[]): string {
  return `#!/bin/sh
${mark}
[ -S ${shellLine([socket])} ] && [ -n "$CNI_COMMAND" ] && [ -x ${perl} ] && exec ${perl} -x "$0"
exec ${shellLine(command)}

#!perl
my $input = do { local $/; <STDIN> } // '';
my $head = join '', map { "$_=" . ($ENV{$_} // '') . "\\n" } qw(${variableNames.join(" ")});
my $answer = '';
# A namespace's path that means another one elsewhere, and a variable of several lines, are no matter of the agent's.
if (($ENV{CNI_NETNS} // '') =~ m{^(/(?!proc/(self|thread-self)/).*)?$}s && $head =~ tr/\\n// == ${variableNames.length}) {
  eval {
    local $SIG{PIPE} = 'IGNORE';
    local $SIG{ALRM} = sub { die };
    alarm 60;
    # AF_UNIX, SOCK_STREAM; struct sockaddr_un.
    socket(my $agent, 1, 1, 0) or die;
    connect($agent, pack('S Z*', 1, ${perlText(socket)})) or die;
    select((select($agent), $| = 1)[0]);
    my $length = length("$head\\n$input");
    print $agent "POST /v1/runtimes/cni-${type} HTTP/1.0\\r\\ncontent-length: $length\\r\\n\\r\\n$head\\n$input";
    $answer = do { local $/; <$agent> } // '';
  };
  alarm 0;
}
if ($answer =~ m{^HTTP/1\\.\\d 200 .*?\\r\\n\\r\\n([01])\\n(.*)}s) {
  print $2;
  exit $1;
}
pipe(my $read, my $write) or die;
if (!fork) {
  close $read;
  print $write $input;
  exit;
}
close $write;
open(STDIN, '<&', $read) or die;
exec(${command.map(perlText).join(", ")}) or die;
__END__
`;
}

const perl = "/usr/bin/perl";

function perlText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}

export interface ListOptions {
  readonly name: string;
  readonly network: string;
}

/** `cniVersion` is what runtimes before 1.1.0 go by, `cniVersions` what later ones choose the newest of. */
export function pluginList({ name, network }: ListOptions): string {
  const wanted = ["portMappings", "ips", "mac", "bandwidth", "dns", "aliases"];
  return formatJson({
    cniVersion: "1.0.0",
    cniVersions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    name,
    plugins: [
      { type: "netkit", network, capabilities: Object.fromEntries(wanted.map((capability) => [capability, true])) },
    ],
  });
}

export function listPath(confDir: string, name: string): string {
  return join(confDir, `10-netkit-${name}.conflist`);
}

/** The lists of a folder that `install` wrote. */
export function installedLists(confDir: string): string[] {
  if (!existsSync(confDir)) return [];
  const names = readdirSync(confDir).filter((name) => /^10-netkit-.+\.conflist$/.test(name));
  return names.map((name) => join(confDir, name)).filter(isOwnList);
}

/** The plugins of a folder that `install` wrote. */
export function installedPlugins(binDir: string): string[] {
  return pluginTypes.map((type) => join(binDir, type)).filter((path) => existsSync(path) && isOwnScript(path));
}

/** Writes a file at once, for runtimes may be reading it. @throws NetkitError NAME_TAKEN: it is somebody else's */
export function writeOwn(folder: string, path: string, text: string, mode: number): void {
  const isOurs = mode === 0o755 ? isOwnScript : isOwnList;
  if (existsSync(path) && !isOurs(path)) {
    throw new NetkitError("NAME_TAKEN", `${path} is there already, and isn't netkit's`, {
      hint: "Take it away, or choose another folder.",
      details: { path },
    });
  }
  mkdirSync(folder, { recursive: true });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, text, { mode });
  renameSync(made, path);
}

export function removeAll(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

function isOwnScript(path: string): boolean {
  return readFileSync(path, "utf8").split("\n")[1] === mark;
}

function isOwnList(path: string): boolean {
  try {
    const { plugins } = JSON.parse(readFileSync(path, "utf8")) as { plugins?: readonly { type?: unknown }[] };
    return plugins?.[0]?.type === "netkit";
  } catch {
    return false;
  }
}
