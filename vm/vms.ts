import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runLogged } from "./command.ts";
import { files, makeFolder } from "./files.ts";
import { closeLibvirt, insideOf, networkOf, openLibvirt, type Keeping, type Libvirt } from "./libvirt.ts";
import { prepare, step } from "./prepare.ts";
import { identityOf, isAlive, type ProcessIdentity } from "./process-identity.ts";

/** One of the two machines. */
export interface Vm {
  readonly name: string;
  /** The first words of a command that runs its last one, a line of shell, in the machine, as root. */
  readonly ssh: readonly string[];
  /** The link to the other machine. */
  readonly link: string;
  /** Its IPv4 address there. */
  readonly address: string;
}

export interface Vms extends AsyncDisposable {
  readonly machines: readonly Vm[];
}

/** What {@link files.running} holds as long as there are machines, or somebody is making them. */
interface Running {
  readonly libvirt: Libvirt;
  /** The process that the machines are of and end with; none for those that were brought up to stay. */
  readonly owner?: ProcessIdentity;
  /** Once they are up. */
  readonly machines?: readonly Vm[];
}

const names = ["host1", "host2"];
const link = "eth1";

/** With nothing else to do this machine takes 2 to 3 minutes at most, emulation included. */
const upMs = 600_000;

/**
 * Both machines, with the packages as they are now. Those that {@link up} has left running are used, and stay; others are
 * made, and end with this process however it ends, or when disposed.
 * @throws Error if they belong to another process, or don't come up in two attempts
 */
export async function vms(): Promise<Vms> {
  const found = readRunning();
  if (found?.machines !== undefined && found.owner === undefined && found.machines.every(answers)) {
    await prepare();
    await step("the machines that run, as they are to be", () => refresh(found.libvirt));
    return { machines: found.machines, [Symbol.asyncDispose]: async () => {} };
  }
  return { machines: await make("own"), [Symbol.asyncDispose]: down };
}

/** Brings both machines up to stay. */
export async function up(): Promise<readonly Vm[]> {
  return await make("kept");
}

/** Removes the machines and everything that they ran on. What takes long to make stays: the box. */
export async function down(): Promise<void> {
  const running = readRunning();
  if (running === undefined) return;
  const { owner, libvirt } = running;
  if (owner !== undefined && owner.pid !== process.pid && isAlive(owner)) {
    throw new Error(`the machines belong to process ${owner.pid}, which is at work with them`);
  }
  for (const name of names) {
    if (existsSync(configuration)) spawnSync("ssh", ["-F", configuration, "-O", "exit", name], { stdio: "ignore" });
  }
  if (libvirt.init === undefined) await vagrant(libvirt, "destroy", "--force");
  await closeLibvirt(libvirt);
  for (const path of [files.vagrantState, files.ssh, files.running]) rmSync(path, { recursive: true, force: true });
}

/** The machines that run, whoever brought them up. */
export function runningMachines(): readonly Vm[] {
  return readRunning()?.machines ?? [];
}

const configuration = join(files.ssh, "config");

async function make(keeping: Keeping): Promise<readonly Vm[]> {
  // What a run that was killed has left is of no use.
  await down();
  await prepare();
  try {
    return await bringUp(keeping);
  } catch (error) {
    console.error(`vm: once more, for at first ${error instanceof Error ? error.message : String(error)}`);
    await down();
    return await bringUp(keeping);
  }
}

async function bringUp(keeping: Keeping): Promise<readonly Vm[]> {
  const owner = keeping === "own" ? { owner: identityOf(process.pid) } : {};
  writeRunning({ libvirt: {}, ...owner });
  const libvirt = await openLibvirt(keeping);
  writeRunning({ libvirt, ...owner });
  await step("two machines", () => vagrant(libvirt, "up"));
  await connect(libvirt);
  const machines = names.map((name) => vm(libvirt, name));
  writeRunning({ libvirt, ...owner, machines });
  return machines;
}

/** Gives machines that run the packages as they are now. */
async function refresh(libvirt: Libvirt): Promise<void> {
  await vagrant(libvirt, "rsync");
  await vagrant(libvirt, "provision");
}

async function vagrant(libvirt: Libvirt, command: string, ...options: string[]): Promise<void> {
  const words = [...insideOf(libvirt), "vagrant", command, "--no-color", ...options];
  await runLogged(`vagrant-${command}`, words, { timeoutMs: upMs, env: environment(libvirt) });
}

function environment({ init }: Libvirt): Readonly<Record<string, string>> {
  return {
    VAGRANT_CWD: import.meta.dirname,
    VAGRANT_DOTFILE_PATH: files.vagrantState,
    // With the machine's own libvirt, Vagrant may be somebody's own too, with its plugins.
    ...(init === undefined ? {} : { VAGRANT_HOME: files.vagrantHome }),
    VAGRANT_DEFAULT_PROVIDER: process.env["VAGRANT_DEFAULT_PROVIDER"] ?? "libvirt",
    VAGRANT_CHECKPOINT_DISABLE: "1",
    VAGRANT_BOX_UPDATE_CHECK_DISABLE: "1",
  };
}

/** One connection for each machine, which all commands share: making one takes a second when emulated. */
async function connect(libvirt: Libvirt): Promise<void> {
  makeFolder(files.ssh);
  const [program, ...words] = [...insideOf(libvirt), "vagrant", "ssh-config"];
  const env = { ...process.env, ...environment(libvirt) };
  const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`vagrant ssh-config failed: ${stderr}`);
  // The first value that ssh finds counts.
  const ours = `Host *
  User root
  IdentityFile ${files.key}
  ControlMaster auto
  ControlPath ${join(files.ssh, "%n")}
  ControlPersist yes
  ServerAliveInterval 20
  ServerAliveCountMax 6
  ConnectTimeout 60
`;
  writeFileSync(configuration, `${ours}\n${stdout}`);
  for (const name of names) {
    // A connection that goes on is a process, and has to be among those that end with libvirt.
    const { init } = libvirt;
    const among = init === undefined ? [] : ["nsenter", `--target=${init.pid}`, "--net", "--pid", "--"];
    await runLogged(`ssh-${name}`, [...among, "ssh", "-F", configuration, name, "true"], { timeoutMs: 120_000 });
  }
}

function vm(libvirt: Libvirt, name: string): Vm {
  const ssh = [...networkOf(libvirt), "ssh", "-F", configuration, name];
  const [program, ...words] = [...ssh, `ip -4 -json address show dev ${link}`];
  const { stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  const address = /"local":"([^"]+)"/.exec(stdout)?.[1];
  if (address === undefined) throw new Error(`${name} has no address on ${link}: ${stdout}${stderr}`);
  return { name, ssh, link, address };
}

function answers({ ssh: [program = "", ...words] }: Vm): boolean {
  return spawnSync(program, [...words, "true"], { stdio: "ignore", timeout: 60_000 }).status === 0;
}

function readRunning(): Running | undefined {
  return existsSync(files.running) ? (JSON.parse(readFileSync(files.running, "utf8")) as Running) : undefined;
}

function writeRunning(running: Running): void {
  makeFolder(files.folder);
  writeFileSync(files.running, JSON.stringify(running));
}
