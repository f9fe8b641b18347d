"""The built site in a real browser: what is looked for on each of its pages."""

# What sticks out of the page, or of a cell of its own that does not scroll.
SIDEWAYS = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
DOWNWARDS = SIDEWAYS.replace("Width", "Height")
# Pictures that were not found, links within the page to nowhere, equations left as LaTeX.
FAULTS = r"""() => {
    const all = kind => [...document.querySelectorAll("article " + kind)];
    const beginning = shown => shown.outerHTML.slice(0, 120);
    const plain = document.querySelector("article").cloneNode(true);
    plain.querySelectorAll("math, code, pre").forEach(part => part.remove());
    const faults = {
        "no picture": all("img").filter(shown => shown.complete && shown.naturalWidth === 0),
        "no alternative text": all("img").filter(shown => /^$|_images/.test(shown.alt)),
        "an empty equation": all("math").filter(shown => shown.getBoundingClientRect().width === 0
            && shown.checkVisibility()),
        "not rendered": /\$\$|\\(frac|tag|begin|mathcal)\b/.test(plain.textContent) ? [plain] : [],
    };
    return Object.entries(faults)
        .flatMap(([kind, found]) => found.map(shown => `${kind}: ${beginning(shown)}`));
}"""
