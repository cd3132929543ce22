/**
 * netkit's main job, shown and proved on a real kernel: `npm run demo`. It works in namespaces of its own that play
 * the host and the outside world, and exits non-zero if any step doesn't do what it says.
 */
import { expect, print, step, summary, title, typed } from "./show.ts";
import { enterPrivateNamespaces, Stage } from "./stage.ts";

const here = import.meta.dirname;

if (enterPrivateNamespaces()) {
  const stage = new Stage();
  try {
    await perform(stage);
    print();
    print(summary());
  } catch (error) {
    print();
    print(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    stage.close();
  }
}

/** Asks over HTTP, on the host of the demo or where `prefix` leads. */
function get(stage: Stage, url: string, prefix = ""): void {
  const { stdout } = stage.shell(`${prefix}${process.execPath} ${here}/get.ts ${url}`);
  typed(`${prefix}get ${url}`, stdout);
  expect(stdout.includes("hello from netkit"), "an answer");
}

async function perform(stage: Stage): Promise<void> {
  const netkit = (words: string): string => {
    const { stdout } = stage.netkit(words);
    typed(`netkit ${words}`, stdout);
    return stdout.trim();
  };
  const addressOf = (network: string, sandbox: string): string => {
    const [shown] = JSON.parse(stage.netkit(`network inspect ${network}`).stdout) as {
      Containers: Record<string, { Name: string; IPv4Address: string }>;
    }[];
    const found = Object.values(shown?.Containers ?? {}).find(({ Name }) => Name === sandbox);
    return found?.IPv4Address.split("/")[0] ?? "";
  };

  title("A network");
  await step("what would be done, as commands that can be pasted", () => {
    const { stdout } = stage.netkit("network create --subnet 10.7.0.0/24 --explain my-net");
    typed("netkit network create --subnet 10.7.0.0/24 --explain my-net", stdout);
    expect(stdout.includes("ip link add"), "the commands that make a bridge");
    expect(!stage.netkit("network ls").stdout.includes("my-net"), "that nothing was made");
  });
  await step("a user-defined bridge network", () => netkit("network create --subnet 10.7.0.0/24 my-net"));
  await step("the list", () => {
    const list = netkit("network ls");
    for (const name of ["bridge", "host", "none", "my-net"]) expect(list.includes(name), `${name} in the list`);
  });

  title("Two sandboxes with real processes");
  await step("an HTTP server, published on port 8080 of the host", () => {
    netkit(`run -d --name web --network my-net -p 8080:80 -- ${process.execPath} ${here}/server.ts 80`);
    stage.shell(`${process.execPath} ${here}/get.ts --wait 5000 http://127.0.0.1:8080/`);
  });
  const web = addressOf("my-net", "web");
  await step("its neighbour reaches it by address", () =>
    netkit(`run --rm --name box --network my-net -- ping -c 1 -W 2 ${web}`),
  );
  await step("and by name", () => {
    const shown = netkit("run --rm --network my-net -- ping -c 1 -W 2 web");
    expect(shown.includes(web), `the address ${web}`);
  });
  await step("the host reaches it through the published port", () => {
    for (const address of ["127.0.0.1", "203.0.113.1"]) {
      get(stage, `http://${address}:8080/`);
    }
  });
  await step("so does the outside world", () => {
    get(stage, "http://203.0.113.1:8080/", `ip netns exec ${stage.outside} `);
  });
  await step("a sandbox reaches the outside world through NAT", () =>
    netkit("run --rm --network my-net -- ping -c 1 -W 2 203.0.113.2"),
  );
  await step("a joined container shares the interfaces of the first", () => {
    const shown = netkit("run --rm --network container:web -- ip -brief -4 address show eth0");
    expect(shown.includes(web), `the address ${web}`);
  });

  title("Isolation");
  await step("another network", () => netkit("network create other-net"));
  await step("a ping from there fails", () => {
    const { stdout } = stage.netkit(`run --rm --network other-net -- ping -c 1 -W 1 ${web}`, 1);
    typed(`netkit run --rm --network other-net -- ping -c 1 -W 1 ${web}`, stdout);
    expect(stdout.includes("100% packet loss"), "no answer");
  });

  title("Drift");
  await step("somebody deletes a link by hand", () => {
    const link = stage.shell("ip -o link show | grep -o 'nkv[^@:]*' | head -n 1").stdout.trim();
    expect(link !== "", "an endpoint's link");
    stage.shell(`ip link del ${link}`);
    typed(`ip link del ${link}`);
  });
  await step("doctor finds it", () => typed("netkit doctor", stage.netkit("doctor", 9).stdout));
  await step("doctor --repair mends it", () => netkit("doctor --repair"));
  await step("the running server answers again", () => {
    get(stage, "http://127.0.0.1:8080/");
  });

  title("The end");
  await step("everything is removed", () => {
    netkit("sandbox rm -f web");
    netkit("network rm my-net other-net");
  });
  await step("the agent that served the names ends (by itself, 5 s later)", () => netkit("agent stop"));
  await step("leak check: links, addresses, routes, rules, namespaces, files, sockets", () => {
    const left = stage.leftovers();
    typed("what is left", left.length === 0 ? "nothing" : left.join("\n"));
    expect(left.length === 0, "nothing to be left");
  });
}
