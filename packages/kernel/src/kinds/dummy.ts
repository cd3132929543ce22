import type { DummyResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { plainLink } from "../made-link.ts";

export const dummy: Kind<DummyResource> = plainLink("dummy");
