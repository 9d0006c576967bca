
"use strict";
// Comfort only: everything is on the page without it.
for (const pre of document.querySelectorAll(".command")) {
  const text = pre.textContent;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(pre.firstChild);
      button.textContent = "press Ctrl-C";
    }
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  });
  pre.append(button);
}
const words = document.createElement("input");
words.type = "search";
words.placeholder = "component, check, text";
words.setAttribute("aria-label", "Show results that contain");
const outcome = document.createElement("select");
outcome.setAttribute("aria-label", "Show results with the outcome");
for (const [value, label] of [["", "every outcome"], ["failed", "failed"], ["unseen", "not observed"], ["waived", "waived"], ["advice", "advice"], ["passed", "passed"]]) {
  outcome.add(new Option(label, value));
}
const count = document.createElement("span");
count.className = "muted";
count.setAttribute("role", "status");
function show() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  let all = 0;
  for (const body of document.querySelectorAll(".results tbody")) {
    const name = body.rows[0].textContent;
    let any = false;
    for (const row of [...body.rows].slice(1)) {
      const text = (name + " " + row.textContent).toLowerCase();
      const fits = (!outcome.value || row.classList.contains(outcome.value)) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      any ||= fits;
      all += 1;
      shown += fits ? 1 : 0;
    }
    body.hidden = !any;
  }
  count.textContent = shown === all ? `${all} results` : `${shown} of ${all} results`;
}
words.addEventListener("input", show);
outcome.addEventListener("change", show);
document.getElementById("filter").append(words, outcome, count);
show();
