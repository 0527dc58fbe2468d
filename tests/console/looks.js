// Run in a page: returns what keeps people from reading or using it.
() => {
  const faults = [];
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.a === 1) return colour;
      if (colour.a > 0) throw new Error("half transparent grounds are not measured here");
    }
    return { r: 255, g: 255, b: 255 };
  };
  const luminance = ({ r, g, b }) => {
    const linear = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const found = contrast(parse(getComputedStyle(element).color), behind(element));
    if (found < 4.5) faults.push(`contrast ${found.toFixed(2)} of "${walker.currentNode.data.trim().slice(0, 30)}"`);
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!field.labels.length) faults.push(`no label: ${field.name}`);
    const found = contrast(parse(getComputedStyle(field).borderTopColor), behind(field.parentElement));
    if (found < 3) faults.push(`contrast ${found.toFixed(2)} of the border of ${field.name}`);
  }
  for (const each of document.querySelectorAll(".scroll, pre.lines")) {
    if (each.tabIndex !== 0) faults.push(`no key reaches what is scrolled: ${each.className}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`${document.documentElement.scrollWidth} wide`);
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one heading");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  if (new Set(ids).size < ids.length) faults.push("an id stands twice");
  return faults;
}
