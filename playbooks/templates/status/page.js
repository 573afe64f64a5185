// SPDX-FileCopyrightText: 2026 The podwright authors
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
// Everything that hosts have said becomes text nodes and attributes, never markup: there is no innerHTML in this file,
// and the page's policy has Trusted Types refuse it.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const CHUNK = 60;      // rows that are added at a time
  const MANY = 8;        // hosts that are named where the same is said of many
  const COLUMNS = 60;    // pods that the matrix has columns for, the most common ones
  const $ = (id) => document.getElementById(id);
  const list = (value) => value || [];
  const isOwn = (table, name) => name !== null && Object.hasOwn(table, name);  // "constructor" is in every object

  // -- text

  // Controls and marks of direction are written out, so that nothing hides what follows it.
  const clean = (value) => String(value ?? "").replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (char) =>
    "\\u" + char.codePointAt(0).toString(16).padStart(4, "0"));

  function el(name, props, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(props || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : clean(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === undefined || child === null || child === "") continue;
      node.append(child instanceof Node ? child : clean(child));
    }
    return node;
  }

  function bytes(n) {
    if (n === undefined) return "";
    let unit = 0;
    while (n >= 1000 && unit < 5) { n /= 1024; unit += 1; }
    return (unit && n < 100 ? n.toFixed(1) : Math.round(n)) + " " + ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit];
  }
  function age(seconds) {
    if (seconds === undefined) return "";
    for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= size * (unit === "min" ? 1 : 2)) return Math.floor(seconds / size) + " " + unit;
    }
    return seconds + " s";
  }
  const percent = (n) => n === undefined ? "" : (n < 10 ? n.toFixed(1) : Math.round(n)) + " %";
  // An image that is a file has a path for a name: its end says most.
  const named = (name) => /^(\/|\.|file:)/.test(name) ? el("span", { title: name }, name.slice(name.lastIndexOf("/") + 1)) : name;
  const short = (digest) => {
    const [kind, rest] = String(digest || "").replace("-", ":").split(":");
    return rest ? kind + ":" + rest.slice(0, 12) : kind;
  };
  const count = (n, one, many) => n.toLocaleString("en") + " " + (n === 1 ? one : many || one + "s");

  // -- what is shown, of what is told

  const HEALTH = {
    serving: ["good", "●", "serving"], starting: ["warn", "◔", "starting"], unready: ["bad", "▲", "not serving"],
    failed: ["bad", "✕", "failed"], stopped: ["calm", "○", "stopped"], waiting: ["calm", "◌", "prepared"],
    unknown: ["warn", "?", "unknown"],
  };
  const VERDICT = {
    signed: ["good", "✓", "signed"], accepted: ["warn", "⊘", "unsigned, as the policy allows"],
    insecure: ["bad", "⚠", "checks lifted"], unknown: ["warn", "?", "not known"],
  };
  const HOST = { reached: ["good", "●", "reached"], failed: ["bad", "✕", "failed"], unreachable: ["bad", "✕", "unreachable"] };
  const KIND = {
    unreachable: "Unreachable hosts", failed: "Hosts that could not tell", part: "Told in part",
    "failed-pod": "Failed pods", unready: "Pods that run and do not serve", unknown: "Pods that cannot be read",
    wanted: "Not what is wanted", insecure: "Lifted checks", unverified: "Verdict not known", drift: "Drift",
    starting: "Starting", restarts: "Restarted again and again", accepted: "Unsigned, as the policy allows",
  };
  const badge = ([tone, glyph, word], text) =>
    el("span", { class: "badge " + tone }, el("span", { "aria-hidden": "true" }, glyph), text || word);

  const hosts = new Map();
  for (const host of data.hosts) {
    host.own = [];
    host.tone = HOST[host.state] || HOST.failed;
    hosts.set(host.name, host);
  }
  for (const pod of data.pods) {
    pod.apps = list(pod.apps).map((app) => ({ ...data.images[app.of], ...app }));
    pod.shown = pod.name || (pod.uuid || "").slice(0, 8);
    pod.tone = HEALTH[pod.health] || HEALTH.unknown;
    pod.sign = VERDICT[pod.verdict.kind] || VERDICT.unknown;
    pod.version = [...new Set(pod.apps.map((app) => app.version || short(app.digest) || "?"))].join(", ");
    pod.isolation = pod.isolation || {};
    const words = [pod.host, pod.shown, pod.uuid, pod.state, pod.tone[2], pod.isolation.stage1, pod.sign[2], pod.why,
      ...list(pod.drift).map((one) => one.text), ...list(pod.verdict.keys), ...list(pod.verdict.lifted)];
    for (const app of pod.apps) words.push(app.name, app.image, app.version, app.digest);
    pod.words = words.join("\n").toLowerCase();
    hosts.get(pod.host)?.own.push(pod);
  }
  for (const host of data.hosts) {
    const failure = host.failure || {};
    host.words = [host.name, host.state, host.agent, host.kernel, host.os, host.arch, failure.msg, failure.reason]
      .join("\n").toLowerCase();
  }
  for (const item of data.attention) {
    item.of = list(hosts.get(item.host)?.own).find((pod) => pod.uuid === item.uuid);
    item.words = [item.host, item.pod, item.text, KIND[item.kind]].join("\n").toLowerCase();
  }
  for (const image of data.images) {
    image.sign = VERDICT[image.verdict.kind] || VERDICT.unknown;
    image.words = [image.name, image.version, image.digest, image.sign[2], ...list(image.verdict.keys)].join("\n").toLowerCase();
  }

  const wrong = new Set(data.attention.map((item) => item.host + "\n" + (item.uuid || "")));
  const bad = new Set(data.attention.filter((item) => item.severity === "error").map((item) => item.host + "\n" + (item.uuid || "")));
  const FILTERS = {
    all: ["Everything", () => true, () => true],
    errors: ["With errors", (pod) => bad.has(pod.host + "\n" + pod.uuid), (host) => bad.has(host.name + "\n")],
    attention: ["Needs attention", (pod) => wrong.has(pod.host + "\n" + pod.uuid), (host) => wrong.has(host.name + "\n")],
    down: ["Hosts without answer", () => false, (host) => host.state !== "reached"],
    serving: ["Serving", (pod) => pod.health === "serving", () => false],
    unwell: ["Not serving", (pod) => ["starting", "unready", "failed", "unknown"].includes(pod.health), () => false],
    drifted: ["Drifted", (pod) => list(pod.drift).length > 0, (host) => list(host.wanted).length > 0],
    unsigned: ["Not signed, or lifted checks", (pod) => pod.verdict.kind !== "signed", () => false],
  };
  const ATTENTION = {
    all: () => true, attention: () => true, errors: (item) => item.severity === "error",
    down: (item) => ["unreachable", "failed"].includes(item.kind), serving: () => false,
    unwell: (item) => ["failed-pod", "unready", "unknown", "starting"].includes(item.kind),
    drifted: (item) => ["drift", "wanted"].includes(item.kind),
    unsigned: (item) => ["insecure", "unverified", "accepted"].includes(item.kind),
  };

  for (const host of data.hosts) host.trouble = host.state === "reached" ? 0 : 1e6;
  for (const item of data.attention) {
    const host = hosts.get(item.host);
    if (host) host.trouble += item.severity === "error" ? 100 : 1;
  }
  let worstFirst = true;

  // -- state: which view, what is sought; kept in the address, so that it can be bookmarked

  const state = { view: data.attention.length ? "attention" : "matrix", search: "", only: "all", sort: {} };
  function readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    if (isOwn(VIEWS, given.get("view"))) state.view = given.get("view");
    if (isOwn(FILTERS, given.get("only"))) state.only = given.get("only");
    state.search = given.get("q") || "";
  }
  function writeAddress() {
    const now = new URLSearchParams({ view: state.view });
    if (state.only !== "all") now.set("only", state.only);
    if (state.search) now.set("q", state.search);
    try { history.replaceState(null, "", "#" + now); } catch { /* a page from a mail has no address */ }
  }
  const sought = () => state.search.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (words, wanted) => wanted.every((word) => words.includes(word));

  function selection() {
    const wanted = sought();
    const [, podWanted, hostWanted] = FILTERS[state.only];
    // Each word may be the pod's or its host's: "web1 unsigned" finds what is unsigned on web1.
    const pods = data.pods.filter((pod) => podWanted(pod)
      && wanted.every((word) => pod.words.includes(word) || hosts.get(pod.host)?.words.includes(word)));
    const some = new Set(pods);
    const found = data.hosts.filter((host) => (hostWanted(host) && has(host.words, wanted)) || host.own.some((pod) => some.has(pod)));
    const attention = data.attention.filter((item) => ATTENTION[state.only](item)
      && wanted.every((word) => item.words.includes(word) || item.of?.words.includes(word) || hosts.get(item.host)?.words.includes(word)));
    const used = new Set(pods.flatMap((pod) => pod.apps.map((app) => app.of)));
    const images = data.images.filter((image, at) => used.has(at) && (has(image.words, wanted) || pods.length));
    return { pods, some, hosts: found, attention, images };
  }

  // -- rows, some at a time: ten thousand are quick if nobody has to see them all

  let pending = [];
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) entry.target.click();
  }, { rootMargin: "600px" });

  function grow(body, things, row, after) {
    let at = 0;
    const more = el("button", { type: "button", class: "more", onclick: () => add(CHUNK) });
    function add(many) {
      const end = Math.min(things.length, at + many);
      const part = document.createDocumentFragment();
      for (; at < end; at += 1) part.append(row(things[at]));
      body.append(part);
      more.textContent = "Show more of " + things.length.toLocaleString("en");
      if (at >= things.length) { observer.unobserve(more); more.remove(); }
    }
    add(CHUNK);
    if (at < things.length) { after.append(more); observer.observe(more); }
    pending.push(() => add(things.length));
  }
  addEventListener("beforeprint", () => { for (const all of pending) all(); });

  function table(name, columns, things, first) {
    const sort = state.sort[name] || (state.sort[name] = { at: first, up: true });
    const by = columns.find((column) => column.id === sort.at) || columns[0];
    const keyed = things.map((thing) => [by.key(thing), thing]);
    keyed.sort(([a], [b]) => {
      if (a === undefined || a === "") return b === undefined || b === "" ? 0 : 1;
      if (b === undefined || b === "") return -1;
      const order = typeof a === "number" && typeof b === "number" ? a - b : compare(String(a), String(b));
      return sort.up ? order : -order;
    });
    const head = el("tr", {}, columns.map((column) => el("th", {
      scope: "col", class: column.num ? "num" : "",
      "aria-sort": column.id === sort.at ? (sort.up ? "ascending" : "descending") : "none",
    }, el("button", { type: "button", "data-sort": column.id, onclick: () => {
      state.sort[name] = { at: column.id, up: sort.at === column.id ? !sort.up : !column.down };
      render();
      document.querySelector(`[data-sort="${column.id}"]`)?.focus();
    } }, column.title))));
    const body = el("tbody");
    const box = el("div", { class: "scroll" }, el("table", { class: "list" }, el("thead", {}, head), body));
    grow(body, keyed.map(([, thing]) => thing), (thing) => el("tr", {}, columns.map((column) => {
      const content = column.cell(thing);
      const none = content === "" || content === undefined || content === null;
      return el("td", { class: (column.num ? "num" : column.name ? "name" : "") + (none ? " none" : ""), "data-label": column.title },
        content instanceof Node ? content : el("span", {}, content));
    })), box);
    return box;
  }
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const rank = (order, value) => { const at = order.indexOf(value); return at < 0 ? order.length : at; };
  const SICK = ["failed", "unready", "unknown", "starting", "serving", "waiting", "stopped"];
  const UNSAFE = ["insecure", "unknown", "accepted", "signed"];

  const openPod = (pod) => el("button", { type: "button", class: "link", onclick: () => showPod(pod) }, el("bdi", {}, pod.shown));
  const openHost = (host) => el("button", { type: "button", class: "link", onclick: () => showHost(host) }, el("bdi", {}, host.name));
  const meter = (part, text) => {
    const bar = el("i", { class: "" });
    bar.style.width = Math.max(2, Math.min(100, part * 100)) + "%";
    return el("span", {}, text, el("span", { class: "meter " + (part > .9 ? "bad" : part > .75 ? "warn" : ""), "aria-hidden": "true" }, bar));
  };
  const drifts = (pod) => list(pod.drift).length
    ? el("span", { class: "badge warn", title: pod.drift.map((one) => one.text).join("\n") }, "Δ " + pod.drift.map((one) => one.kind).join(", "))
    : "";
  const used = (pod) => pod.memory === undefined ? ""
    : pod.memory_limit ? meter(pod.memory / pod.memory_limit, bytes(pod.memory)) : bytes(pod.memory);

  const POD_COLUMNS = [
    { id: "pod", title: "Pod", name: true, key: (pod) => pod.shown, cell: openPod },
    { id: "host", title: "Host", name: true, key: (pod) => pod.host, cell: (pod) => openHost(hosts.get(pod.host)) },
    { id: "health", title: "Health", key: (pod) => rank(SICK, pod.health) + (wrong.has(pod.host + "\n" + pod.uuid) ? 0 : .5), cell: (pod) => badge(pod.tone) },
    { id: "version", title: "Version", name: true, key: (pod) => pod.version, cell: (pod) => pod.version },
    { id: "isolation", title: "Isolation", key: (pod) => pod.isolation.stage1, cell: (pod) => pod.isolation.stage1 },
    { id: "verdict", title: "Verdict", key: (pod) => rank(UNSAFE, pod.verdict.kind),
      cell: (pod) => badge(pod.sign, pod.verdict.kind === "accepted" ? "unsigned" : undefined) },
    { id: "drift", title: "Drift", key: (pod) => list(pod.drift).map((one) => one.kind).join(), cell: drifts },
    { id: "restarts", title: "Restarts", num: true, down: true, key: (pod) => pod.restarts, cell: (pod) => pod.restarts || "" },
    { id: "cpu", title: "CPU", num: true, down: true, key: (pod) => pod.cpu_percent, cell: (pod) => percent(pod.cpu_percent) },
    { id: "memory", title: "Memory", num: true, down: true, key: (pod) => pod.memory, cell: used },
    { id: "up", title: "Up", num: true, down: true, key: (pod) => pod.uptime, cell: (pod) => age(pod.uptime) },
  ];
  const free = (host) => host.memory_total && host.memory_available !== undefined ? 1 - host.memory_available / host.memory_total : undefined;
  const HOST_COLUMNS = [
    { id: "host", title: "Host", name: true, key: (host) => host.name, cell: openHost },
    { id: "state", title: "State", key: (host) => rank(["unreachable", "failed", "reached"], host.state), cell: (host) => badge(host.tone) },
    { id: "pods", title: "Pods", num: true, down: true, key: (host) => host.own.length, cell: (host) => host.own.length || "" },
    { id: "sick", title: "Not serving", num: true, down: true, key: sick, cell: (host) => sick(host) || "" },
    { id: "agent", title: "Agent", key: (host) => host.agent, cell: (host) => host.agent },
    { id: "os", title: "System", name: true, key: (host) => host.os,
      cell: (host) => host.os || (host.failure ? el("span", { class: "soft" }, host.failure.msg) : "") },
    { id: "kernel", title: "Kernel", name: true, key: (host) => host.kernel, cell: (host) => host.kernel },
    { id: "load", title: "Load", num: true, down: true, key: (host) => host.cpus ? host.load / host.cpus : undefined,
      cell: (host) => host.load === undefined ? "" : meter(host.load / (host.cpus || 1), host.load.toFixed(2) + " / " + host.cpus) },
    { id: "memory", title: "Memory", num: true, down: true, key: free,
      cell: (host) => free(host) === undefined ? "" : meter(free(host), percent(free(host) * 100)) },
    { id: "up", title: "Up", num: true, down: true, key: (host) => host.uptime, cell: (host) => age(host.uptime) },
  ];
  function sick(host) { return host.own.filter((pod) => ["starting", "unready", "failed", "unknown"].includes(pod.health)).length; }
  const IMAGE_COLUMNS = [
    { id: "image", title: "Image", name: true, key: (image) => image.name, cell: (image) => named(image.name) },
    { id: "version", title: "Version", name: true, key: (image) => image.version, cell: (image) => image.version },
    { id: "digest", title: "Digest", key: (image) => image.digest, cell: (image) => el("span", { class: "mono", title: image.digest }, short(image.digest)) },
    { id: "verdict", title: "Verdict", key: (image) => rank(UNSAFE, image.verdict.kind), cell: (image) => badge(image.sign, image.verdict.kind === "accepted" ? "unsigned" : undefined) },
    { id: "key", title: "Key", name: true, key: (image) => list(image.verdict.keys)[0],
      cell: (image) => el("span", { class: "mono", title: list(image.verdict.keys).join("\n") }, list(image.verdict.keys).map((key) => key.slice(0, 16) + "…").join(" ")) },
    { id: "hosts", title: "Hosts", num: true, down: true, key: (image) => image.hosts, cell: (image) => image.hosts },
    { id: "pods", title: "Pods", num: true, down: true, key: (image) => image.pods, cell: (image) => image.pods },
  ];

  // -- views

  function empty(title, text) { return el("p", { class: "empty" }, el("b", {}, title), text); }
  const nothing = () => empty("Nothing matches", "Take a word out of the search, or show everything.");

  function attention(chosen) {
    if (!data.attention.length) return empty("All is well", "Every host answered, every pod serves, is signed and is what it should be.");
    if (!chosen.attention.length) return nothing();
    const out = el("div");
    for (const [kind, title] of Object.entries(KIND)) {
      const items = chosen.attention.filter((item) => item.kind === kind);
      if (!items.length) continue;
      const same = new Map();
      for (const item of items) {
        const key = item.text + "\n" + (item.of ? item.of.shown : item.pod || "") + "\n" + (item.hint || "");
        if (same.has(key)) same.get(key).push(item); else same.set(key, [item]);
      }
      const box = el("ul", { class: "items" });
      const group = el("section", { class: "group" }, el("h2", {}, title, el("span", { class: "soft" }, items.length.toLocaleString("en"))), box);
      grow(box, [...same.values()].sort((a, b) => b.length - a.length), alike, group);
      out.append(group);
    }
    return out;
  }

  // What is said of many hosts in the same words is said once.
  function alike(items) {
    const [item] = items;
    const host = hosts.get(item.host);
    const where = item.of ? openPod(item.of) : item.pod ? el("b", {}, el("bdi", {}, item.pod)) : "";
    const one = items.length === 1;
    const links = el("div", { class: "badges where" });
    const link = (each) => el("button", { type: "button", class: "chip", onclick: () => each.of ? showPod(each.of) : showHost(hosts.get(each.host)) },
      el("bdi", {}, each.host));
    const some = one ? [] : items.slice(0, MANY);
    links.append(...some.map(link));
    if (items.length > MANY && !one) {
      links.append(el("button", { type: "button", class: "chip more-of", onclick: (event) => {
        event.target.replaceWith(...items.slice(MANY).map(link));
      } }, "and " + (items.length - MANY) + " more"));
    }
    return el("li", { class: item.severity === "error" ? "bad" : "warn" },
      el("span", { class: "mark", role: "img", "aria-label": item.severity }, item.severity === "error" ? "✕" : "▲"),
      el("p", {}, where, one ? [where ? el("span", { class: "soft" }, " on ") : "", host ? openHost(host) : item.host]
        : el("span", { class: where ? "soft" : "" }, (where ? " on " : "") + count(items.length, "host"))),
      el("div", { class: "text" }, el("p", {}, item.text), item.hint ? el("p", { class: "hint" }, "→ " + item.hint) : "", one ? "" : links));
  }

  function matrix(chosen) {
    if (!chosen.hosts.length) return nothing();
    const times = new Map();
    const dim = state.only !== "all" || state.search;
    for (const pod of dim ? chosen.pods : data.pods) times.set(pod.shown, (times.get(pod.shown) || 0) + 1);
    const names = [...times.keys()].sort((a, b) => times.get(b) - times.get(a) || compare(a, b)).slice(0, COLUMNS).sort(compare);
    const more = times.size > names.length;
    const rows = [...chosen.hosts].sort((a, b) => (worstFirst ? b.trouble - a.trouble : 0) || compare(a.name, b.name));
    const head = el("tr", {},
      el("th", { scope: "col" }, el("button", { type: "button", "data-sort": "host", title: "Change the order",
        onclick: () => { worstFirst = !worstFirst; render(); document.querySelector("[data-sort=host]")?.focus(); } },
      "Host, " + (worstFirst ? "worst first" : "by name"))),
      names.map((name) => el("th", { scope: "col", title: name }, el("span", {}, el("bdi", {}, name)))),
      more ? el("th", { scope: "col" }, el("span", {}, "Others")) : "");
    const body = el("tbody");
    const place = new Map(names.map((name, at) => [name, at]));
    const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Pods by host" },
      el("table", { class: "matrix" }, el("thead", {}, head), body));
    grow(body, rows, (host) => {
      const cells = names.map(() => []);
      let others = 0;
      for (const pod of host.own) {
        if (place.has(pod.shown)) cells[place.get(pod.shown)].push(pod);
        else others += 1;
      }
      const title = el("th", { scope: "row" }, openHost(host));
      if (host.state !== "reached") {
        const said = (host.failure || {}).msg || host.state;
        return el("tr", {}, title, el("td", { class: "wide", colspan: String(names.length + (more ? 1 : 0) || 1) }, el("span", { class: "said" }, badge(host.tone), " " + said)));
      }
      return el("tr", {}, title, cells.map((pods) => el("td", { class: pods.length ? "" : "none" }, pods.map((pod) => cell(pod, dim && !chosen.some.has(pod))))),
        more ? el("td", { class: "soft" + (others ? "" : " none") }, others ? String(others) : "") : "");
    }, box);
    const legend = el("p", { class: "legend" }, Object.values(HEALTH).map(([tone, glyph, word]) => el("span", { class: tone }, badge([tone, glyph, word]))),
      el("span", {}, "Δ drift"), el("span", {}, "⚠ lifted checks"), el("span", {}, "⊘ unsigned"),
      more ? el("span", {}, `the ${COLUMNS} most common of ${times.size} pods have columns`) : "");
    return el("div", {}, box, legend);
  }
  function cell(pod, dim) {
    const marks = (list(pod.drift).length ? "Δ" : "") + (pod.verdict.kind === "signed" ? "" : pod.sign[1]);
    const said = [pod.shown + " on " + pod.host, pod.tone[2], "version " + pod.version, pod.sign[2],
      ...list(pod.drift).map((one) => one.text), pod.why].filter(Boolean).join(", ");
    const odd = pod.tone[0] === "good" && marks ? (list(pod.verdict.lifted).length ? "bad" : "warn") : pod.tone[0];
    return el("button", { type: "button", class: "cell " + odd + (dim ? " dim" : ""), "aria-label": said, title: said, onclick: () => showPod(pod) },
      el("span", {}, pod.tone[1]), el("bdi", { class: "what" }, pod.shown), el("span", { class: "v" }, pod.version), el("span", { class: "marks" }, marks));
  }

  const VIEWS = {
    attention: ["Attention", attention, (chosen) => chosen.attention],
    matrix: ["Matrix", matrix, (chosen) => chosen.hosts],
    pods: ["Pods", (chosen) => chosen.pods.length ? table("pods", POD_COLUMNS, chosen.pods, "health") : nothing(), (chosen) => chosen.pods],
    hosts: ["Hosts", (chosen) => chosen.hosts.length ? table("hosts", HOST_COLUMNS, chosen.hosts, "state") : nothing(), (chosen) => chosen.hosts],
    images: ["Images", (chosen) => chosen.images.length ? table("images", IMAGE_COLUMNS, chosen.images, "verdict") : nothing(), (chosen) => chosen.images],
  };

  // -- details

  function pairs(entries) {
    return el("dl", {}, entries.filter(([, value]) => value !== undefined && value !== "" && value !== null).map(([name, value]) =>
      [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : el("bdi", {}, value))]));
  }
  function show(title, under, body) {
    const dialog = $("detail");
    dialog.replaceChildren(el("div", { class: "head" },
      el("div", {}, el("h2", { id: "detail-title" }, el("bdi", {}, title)), under),
    el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "✕")), el("div", { class: "body" }, body));
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
  }
  function showPod(pod) {
    const inside = pod.isolation;
    const notes = [pod.why && el("p", { class: "note " + pod.tone[0] }, pod.why),
      list(pod.drift).map((one) => el("p", { class: "note warn" }, "Δ " + one.text)),
      list(pod.verdict.lifted).length && el("p", { class: "note bad" }, "Lifted checks: " + pod.verdict.lifted.join(", ")),
      list(pod.reports).map((text) => el("p", { class: "note warn" }, text))].flat().filter(Boolean);
    const apps = pod.apps.map((app) => [el("h3", {}, "App ", el("bdi", {}, app.name)), pairs([
      ["Image", app.image], ["Version", app.version], ["Digest", el("span", { class: "mono" }, app.digest)],
      ["State", (app.state || "not known") + (app.exit_code === undefined ? "" : ", ended with " + app.exit_code) + (app.exit_reason ? ", " + app.exit_reason : "")],
      ["Restarts", app.restarts], ["Last failure", app.last_failure], ["Verdict", badge(VERDICT[app.verdict.kind] || VERDICT.unknown, app.verdict.text)],
      ["Keys", list(app.verdict.keys).length ? el("span", { class: "mono" }, app.verdict.keys.join(" ")) : ""],
      ["Expires", app.verdict.expires], ["Policy", app.verdict.scope]])]);
    show(pod.shown, el("span", { class: "badges" }, badge(pod.tone), badge(pod.sign), inside.stage1 && el("span", { class: "badge calm" }, inside.stage1)), [
      notes,
      el("h3", {}, "Pod"), pairs([["Host", openHost(hosts.get(pod.host))], ["UUID", el("span", { class: "mono" }, pod.uuid)], ["State", pod.state],
        ["Revision", pod.revision], ["Started", pod.started_at], ["Up", age(pod.uptime)], ["Restarts", String(pod.restarts || 0)],
        ["CPU", percent(pod.cpu_percent)], ["Memory", pod.memory === undefined ? "" : bytes(pod.memory) + (pod.memory_limit ? " of " + bytes(pod.memory_limit) : "")],
        ["Ports", list(pod.ports).join(", ")]]),
      el("h3", {}, "Isolation"), pairs([["Stage1", inside.stage1], ["Stage1 image", inside.stage1_image],
        ["Machine", Object.entries(inside.machine || {}).map(([name, value]) => name + " " + value).join(", ")],
        ["Users", inside.users === "own" ? "own, from " + inside.first_uid + " of the host" : inside.users === "host" ? "the host's" : ""],
        ["SELinux", inside.selinux || (inside.selinux_off ? "off: " + inside.selinux_off : "")],
        ["Network", list(inside.networks).join("; ") || inside.net]]),
      apps]);
  }
  function showHost(host) {
    if (!host) return;
    const failure = host.failure;
    const checks = host.checks || {};
    const own = el("div", { class: "badges" }, host.own.map((pod) => cell(pod, false)));
    own.querySelectorAll(".cell").forEach((one) => { one.style.width = "auto"; one.querySelector(".what").style.display = "inline"; });
    show(host.name, badge(host.tone), [
      failure && el("p", { class: "note bad" }, failure.msg), failure && failure.hint && el("p", { class: "note calm" }, "→ " + failure.hint),
      list(host.problems).map((one) => el("p", { class: "note warn" }, one.part + ": " + one.msg)),
      list(host.wanted).map((one) => el("p", { class: "note warn" }, one.pod + " " + one.text)),
      el("h3", {}, "Host"), pairs([["Agent", host.agent], ["System", host.os], ["Kernel", host.kernel], ["Machine", host.arch],
        ["Processors", host.cpus], ["Load", host.load === undefined ? "" : host.load.toFixed(2)], ["Memory", host.memory_total === undefined ? "" :
          bytes(host.memory_total - (host.memory_available || 0)) + " of " + bytes(host.memory_total)],
        ["SELinux", host.selinux], ["Up", age(host.uptime)],
        ["Can enforce", list(checks.ok).join(", ")], ["Limited", list(checks.limited).join(", ")], ["Missing", list(checks.missing).join(", ")]]),
      host.own.length ? el("h3", {}, "Pods") : "", own].flat().filter(Boolean));
  }
  $("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });

  // -- the frame

  function tiles() {
    const sum = data.summary;
    const silent = sum.failed + sum.unreachable;
    const all = [
      ["all", silent ? "" : "good", sum.hosts, sum.hosts === 1 ? "host" : "hosts", count(sum.pods, "pod")],
      ["down", silent ? "bad" : "good", silent, "no answer", `${sum.unreachable} unreachable, ${sum.failed} failed`],
      ["serving", sum.not_serving ? "" : "good", sum.serving, "serving", `of ${sum.running.toLocaleString("en")} running pods`],
      ["unwell", sum.not_serving ? "bad" : "good", sum.not_serving, "not serving", "failed, starting or not ready"],
      ["drifted", sum.drifted ? "warn" : "good", sum.drifted, "drifted", "from revision, fleet or play"],
      ["unsigned", sum.unsigned ? "warn" : "good", sum.unsigned, "not signed", "or with lifted checks"],
    ];
    $("tiles").replaceChildren(...all.map(([only, tone, n, word, under]) => el("button", {
      type: "button", class: "tile " + tone, "data-only": only, "aria-pressed": String(state.only === only && only !== "all"),
      onclick: () => { state.only = state.only === only ? "all" : only; render(); },
    }, el("b", {}, n.toLocaleString("en")), el("span", {}, word), el("small", {}, under))));
  }
  function tabs(chosen) {
    $("tabs").replaceChildren(...Object.entries(VIEWS).map(([name, [title, , what]]) => el("button", {
      type: "button", role: "tab", id: "tab-" + name, "aria-controls": "view", "aria-selected": String(state.view === name),
      tabindex: state.view === name ? "0" : "-1", onclick: () => { state.view = name; render(); },
    }, title, el("span", { class: "n" }, what(chosen).length.toLocaleString("en")))));
  }
  $("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(VIEWS);
    state.view = names[(names.indexOf(state.view) + step + names.length) % names.length];
    render();
    $("tab-" + state.view).focus();
  });

  function render() {
    observer.disconnect();
    pending = [];
    const chosen = selection();
    const focused = document.activeElement?.dataset?.only;
    tiles();
    if (focused) document.querySelector(`[data-only="${focused}"]`)?.focus();
    tabs(chosen);
    $("only").value = state.only;
    if ($("search").value !== state.search) $("search").value = state.search;
    const of = (some, every, word) => (some === every ? "" : some.toLocaleString("en") + " of ") + count(every, word);
    $("count").textContent = of(chosen.hosts.length, data.hosts.length, "host") + ", " + of(chosen.pods.length, data.pods.length, "pod");
    $("view").setAttribute("aria-labelledby", "tab-" + state.view);
    $("view").replaceChildren(VIEWS[state.view][1](chosen));
    writeAddress();
  }

  const THEMES = { "": ["◐ Auto", "as the system"], light: ["☀ Light", "light"], dark: ["☾ Dark", "dark"] };
  const kept = { get() { try { return localStorage.getItem("podwright-theme") || ""; } catch { return ""; } },
    set(value) { try { localStorage.setItem("podwright-theme", value); } catch { /* not for files in some browsers */ } } };
  function theme(name) {
    if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
    $("theme").textContent = THEMES[name][0];
    $("theme").setAttribute("aria-label", "Theme: " + THEMES[name][1]);
  }
  $("theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(document.documentElement.dataset.theme || "") + 1) % names.length];
    kept.set(next);
    theme(next);
  });
  theme(isOwn(THEMES, kept.get()) ? kept.get() : "");

  $("only").replaceChildren(...Object.entries(FILTERS).map(([name, [title]]) => el("option", { value: name }, title)));
  $("only").addEventListener("change", () => { state.only = $("only").value; render(); });
  let typing = 0;
  $("search").addEventListener("input", () => {
    state.search = $("search").value;
    cancelAnimationFrame(typing);
    typing = requestAnimationFrame(render);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement?.tagName) && !$("detail").open) {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "Escape" && document.activeElement === $("search")) {
      state.search = "";
      render();
    }
  });
  addEventListener("hashchange", () => { readAddress(); render(); });
  readAddress();
  render();
})();
