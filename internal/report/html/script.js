// The page can be read without this: it only filters, folds and copies.
(() => {
  'use strict';
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  all('.needs-script').forEach((e) => { e.hidden = false; });

  const form = document.querySelector('form.filter');
  if (form) {
    const find = form.querySelector('#find');
    const found = form.querySelector('#found');
    const checks = all('.check');
    const apply = () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      const statuses = new Set(all('input:checked', form).map((e) => e.value));
      let shown = 0;
      for (const check of checks) {
        check.hidden = !statuses.has(check.dataset.status) || !words.every((w) => check.dataset.said.includes(w));
        shown += check.hidden ? 0 : 1;
      }
      for (const branch of all('.feature, .suite')) {
        branch.hidden = !branch.querySelector('.check:not([hidden])');
        if (words.length && !branch.hidden) branch.open = true;
      }
      found.textContent = shown + ' of ' + checks.length + ' shown';
    };
    form.addEventListener('input', apply);
    form.addEventListener('submit', (e) => e.preventDefault());
    const fold = (open) => all('#checks details').forEach((e) => { e.open = open; });
    form.querySelector('#unfold').addEventListener('click', () => fold(true));
    form.querySelector('#fold').addEventListener('click', () => fold(false));
    document.addEventListener('keydown', (e) => {
      if (e.key === '/' && !e.ctrlKey && !e.metaKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
        e.preventDefault();
        find.focus();
      }
    });
    apply();
  }

  // Lines of the evidence that hold a text; the whole text is kept beside.
  const texts = new Map();
  for (const input of all('.find-lines')) {
    const evidence = input.closest('.evidence');
    input.addEventListener('input', () => {
      const word = input.value.toLowerCase();
      let lines = 0;
      for (const file of all('.file', evidence)) {
        const pre = file.querySelector('pre');
        if (!pre) { file.hidden = word !== ''; continue; }
        if (!texts.has(pre)) texts.set(pre, pre.textContent);
        const text = texts.get(pre);
        if (!word) { pre.textContent = text; file.hidden = false; file.open = false; continue; }
        const hits = text.split('\n').filter((l) => l.toLowerCase().includes(word));
        lines += hits.length;
        pre.textContent = hits.join('\n');
        file.hidden = hits.length === 0;
        file.open = hits.length > 0;
      }
      evidence.querySelector('output').textContent = word ? lines + (lines === 1 ? ' line' : ' lines') : '';
    });
  }

  // A button to copy each command, where the browser allows it.
  if (navigator.clipboard) {
    for (const code of all('.command code')) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Copy';
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
      });
      code.after(button);
    }
  }

  // A link leads to what may be folded or filtered away.
  const reveal = () => {
    let name;
    try { name = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const target = name && document.getElementById(name);
    if (!target) return;
    for (let e = target; e; e = e.parentElement) {
      e.hidden = false;
      if (e.tagName === 'DETAILS') e.open = true;
    }
    const own = target.classList.contains('check') && target.querySelector('details');
    if (own) own.open = true;
    target.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  reveal();

  // Paper cannot be unfolded.
  let folded = [];
  addEventListener('beforeprint', () => {
    folded = all('details:not([open]):not(.evidence, .file, .check details)');
    folded.forEach((e) => { e.open = true; });
  });
  addEventListener('afterprint', () => folded.forEach((e) => { e.open = false; }));
})();
