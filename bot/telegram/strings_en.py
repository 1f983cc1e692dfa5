"""Every sentence that a reader can see, in English."""

from __future__ import annotations

from bot.telegram.wording import Strings

__all__ = ["EN"]

EN = Strings(
    language="en",
    name="English",
    right_to_left=False,
    list_separator=", ",
    before_date=", ",
    months=tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()),
    day="{day} {month} {year}",
    month="{month} {year}",
    start=(
        "Ask me a question, and I answer in the documents' own words: quoted to the letter, with who published them and"
        " when. When the documents do not say, I tell you so.\n\nFor example:\n{examples}"
    ),
    help=(
        "Send me a question in English, Urdu or Chinese.\n{examples}\n\n"
        "The answering words are in bold; the headline opens the source at the sentence.\n"
        "After an answer you can just ask on: “and in 2023?”\n\n{commands}"
    ),
    privacy=(
        "I store your questions and where my quotes stand for {days} days, so that the buttons "
        "below an answer keep working and follow-up questions are understood. Whoever runs this "
        "bot can see questions that got a 👎, and which words were not found; nobody else sees "
        "anything. Send /forget, and I delete all that I hold about you."
    ),
    choose_language="Which language shall I speak?",
    language_chosen="I will speak English from now on. Quotes stay in the language of their source.",
    forgotten="Done: I have deleted your questions, answers and settings.",
    greeting="Hello! What would you like to know from the documents?",
    thanks="You're welcome! Ask on whenever you like.",
    who_are_you="I am Quoth, a bot. I make nothing up: I only quote what stands in the documents, with the source.",
    sticker="That is a nice one, but I answer only questions in writing.",
    photo="I cannot read pictures. Please send your question as text.",
    voice="I cannot listen to voice messages. Please send your question as text.",
    other_kind="I can only read text. Please write your question.",
    too_long="That is longer than {limit} characters. Please ask a shorter question.",
    too_short="Please ask a little more fully: a whole question, or at least a few words.",
    unknown_command="I do not know that command. Send /help to see what I can do.",
    busy="Many are asking right now. Please try again in a minute.",
    one_moment="One moment, please…",
    not_permitted="Only administrators of this bot may do that.",
    too_many="You ask faster than I can answer. I keep what you have sent so far; please send the rest a little later.",
    not_invited="This bot answers only those whom its operator has named.",
    expired="This result has expired. Please ask again.",
    failed="Something went wrong on my side. Please ask again.",
    vote_up="Thank you, glad it helped.",
    vote_down="Thank you, noted.",
    commands=(
        ("help", "How to ask"),
        ("sources", "The documents I know"),
        ("search", "Find passages by words"),
        ("verify", "Check whether a quote is real"),
        ("language", "English, اردو or 中文"),
        ("privacy", "What I store"),
        ("forget", "Delete what I store about you"),
    ),
    administrator_commands=(
        ("stats", "Questions, answers, what is missing"),
        ("feedback", "Questions whose answers got a 👎"),
        ("remove", "Remove a document"),
        ("reload", "See at once what another process wrote"),
    ),
    abstained="My documents do not say.",
    empty_collection="I have no documents yet.",
    nothing_found="Nothing in them is about this.",
    terms_missing="What comes nearest says nothing of {terms}.",
    near_miss="What comes nearest speaks of another of its kind than you asked about.",
    low_confidence="What comes nearest does not seem to answer it.",
    filtered_out="What there is lies outside the dates or publishers that you asked for.",
    missing="Missing: {terms}.",
    searched_one="I searched 1 document.",
    searched_many="I searched {count} documents.",
    searched_one_dated="I searched 1 document, dated {date}.",
    searched_many_dated="I searched {count} documents, the newest dated {date}.",
    nearest="Nearest, though it is no answer:",
    differs="⚠️ The figures differ by date: {dates}",
    also_in="also in: {names}",
    also_in_one="also in 1 other document",
    also_in_many="also in {count} other documents",
    page="p. {page}",
    updated="updated {date}",
    untitled="Untitled",
    context="[{number}] context",
    more="More ({first}–{last} of {total})",
    more_one="More ({first} of {total})",
    back="Back",
    share="Share",
    open_source="Open the source",
    copy_citation="Copy citation",
    copy_bibtex="Copy BibTeX",
    sources_one="1 document",
    sources_many="{count} documents",
    no_sources="There are no documents yet.",
    passages_one="1 passage",
    passages_many="{count} passages",
    found_one="1 passage found",
    found_many="{count} passages found",
    found_nothing="I found no passage with these words.",
    inline_hint="Type a question to quote the answer here",
    verify_usage="Send /verify and the quote, a whole sentence if you can. I tell you whether it"
    " stands in my documents.",
    verdict_exact="The quote is real: it stands so, letter for letter, in",
    verdict_typography=(
        "The quote is real; only quotation marks, dashes, spaces or capitals are set differently. It stands in"
    ),
    verdict_shortened="The quote is real, and shortened where its … stand (in bold: what they leave out):",
    verdict_altered="The quote is altered. The source says (in bold: what differs):",
    verdict_spliced="The quote is spliced from several places:",
    verdict_absent="My documents do not hold this quote.",
    ingesting="Reading {name}…",
    added="Added: {count}",
    unchanged="Unchanged: {count}",
    replaced="Replaced: {count}",
    refused="Refused: {name} ({reason})",
    file_too_large="The file is larger than {limit} MB, more than Telegram lets a bot fetch. Ingest it on the server.",
    removed="Removed: {title}",
    no_such_document="There is no document {name}.",
    remove_usage="Send /remove with a number from /sources, or with the id of a document.",
    remove_this="Remove this document",
    no_feedback="No answer has got a 👎.",
    statistics="Statistics",
    statistics_documents="Documents: {count}",
    statistics_passages="Passages: {count}",
    statistics_readers="Readers in the last 7 days: {count}",
    statistics_questions="Questions in the last 7 days: {count}",
    statistics_answered="Answered: {share} %",
    statistics_votes="Votes: 👍 {up}, 👎 {down}",
    statistics_time="Time to answer: median {median} ms, 95 % within {slow} ms",
)
