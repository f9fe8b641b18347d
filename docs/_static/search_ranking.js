// The search's ranking: sections that have most of a question's words, the rare ones above all, and
// those whose title has them above the others. Sphinx's own search wants all words on one page.

const TITLE = 2.5; // how much more a word counts in a title
const NAME = 8; // and how much more a public name does that is asked for by its name
const ANSWER = 1.6; // how much more the page of questions counts: it answers in the words of asking
const LENGTH = 60; // words of a section that neither gains nor loses by its length
const MOST = 30; // results
const COMMON = new Set(
  ("a an and any are as at be by can do does for from get has have how i if in into is it its me " +
    "my no not of on or should so than that the there these they this to use was what when where " +
    "which while why with you your vae").split(" "),
);

const sectionWords = (text) => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

const stemmed = (() => {
  const stemmer = new Stemmer();
  const known = new Map();
  return (word) => {
    if (!known.has(word)) known.set(word, stemmer.stemWord(word));
    return known.get(word);
  };
})();

const ranked = (() => {
  let read = null; // each section's stems, and how many sections have each; made at the first search
  const index = () => {
    if (read) return read;
    const counts = new Map();
    const sections = SECTIONS.map(([page, anchor, title, beginning, words]) => {
      const inTitle = new Set(sectionWords(title).map(stemmed));
      const inText = new Set(words.split(" ").map(stemmed));
      for (const stem of new Set([...inTitle, ...inText]))
        counts.set(stem, (counts.get(stem) ?? 0) + 1);
      return { page, anchor, title, beginning, inTitle, inText };
    });
    return (read = { sections, counts });
  };

  return (query) => {
    const { sections, counts } = index();
    const words = [...new Set(sectionWords(query))];
    const told = words.filter((word) => !COMMON.has(word));
    const stems = [...new Set((told.length ? told : words).map(stemmed))];
    const weight = (stem) => Math.log(1 + sections.length / (1 + (counts.get(stem) ?? 0)));
    const all = stems.reduce((sum, stem) => sum + weight(stem), 0);
    const scored = sections.map((section) => {
      let inTitle = 0;
      let score = 0;
      let found = 0;
      for (const stem of stems) {
        const [title, text] = [section.inTitle.has(stem), section.inText.has(stem)];
        if (title || text) found += weight(stem);
        if (title) inTitle += weight(stem);
        if (text) score += weight(stem) / (0.5 + (0.5 * section.inText.size) / (section.inText.size + LENGTH));
      }
      // A long title has some of any words: what counts is also how much of it was asked for.
      const share = Math.sqrt(stems.length / Math.max(stems.length, section.inTitle.size));
      score += TITLE * inTitle * (0.5 + 0.5 * share);
      if (section.page === "faq") score *= ANSWER;
      if (section.title.toLowerCase() === query.trim().toLowerCase()) score += NAME * all;
      return { section, score: score * (found / all) };
    });
    return scored
      .filter(({ score }) => score > 0)
      .sort((one, other) => other.score - one.score)
      .slice(0, MOST);
  };
})();

// In the form of Sphinx's results, which are shown from the last to the first.
Search._performSearch = (query) => {
  const titles = new Map(SECTIONS.filter(([, anchor]) => !anchor).map(([page, , title]) => [page, title]));
  return ranked(query)
    .map(({ section: { page, anchor, title, beginning }, score }) => [
      page,
      anchor ? `${titles.get(page)}: ${title}` : title,
      anchor ? "#" + anchor : "",
      beginning,
      score,
      page,
      SearchResultKind.text,
    ])
    .reverse();
};
