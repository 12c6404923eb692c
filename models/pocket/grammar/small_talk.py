"""Greetings, goodbyes, thanks and small talk."""

from .intent import Intent

ABILITIES = "Ask me what a TEE, a quote, a nonce or a receipt is, how Bauta works, or how to run a bigger model. I also do small sums such as 12 + 30."
FORGETS = "No. I learn nothing from this chat and remember nothing after it: my weights never change."
SUGGESTION = "Then ask me what an enclave is, or how much 7 x 8 is."

GREETINGS = [
    Intent("greet.hello", "greeting", [
        "Hello! I'm the pocket model of Bauta. Ask me about TEEs, attestation or Bauta, or give me a small sum.",
        "Hi! Ask me about TEEs, attestation or Bauta, or give me a small sum.",
    ], [
        "hi", "hello", "hey", "hi there", "hello there", "hey there", "hiya", "howdy", "hi!", "hello!", "yo", "heya", "hullo",
        "good day", "greetings", "hi {bot|pocket|bauta|friend|buddy|model|everyone|all|computer|assistant}", "hey {bot|pocket|bauta|you|friend|buddy|model|there friend}",
        "hello world", "hello, world!", "hello {bot|pocket|bauta|friend|my friend|world|model|again|computer|assistant}", "hi again", "hey hey", "hello hello", "hi hi", "hey, anyone there?",
        "hello, is anyone there?", "anybody home?", "are you there?", "you there?", "sup", "oh hi", "oh hello", "well hello", "ok hi",
        "hi, i'm {new|new here}", "hello, i am {new here|just trying this}", "hi, nice to {meet|see} you", "nice to meet you", "pleased to meet you",
        "just {wanted to say|saying} {hi|hello}", "i wanted to say {hi|hello}", "say {hi|hello}", "hallo", "hola", "bonjour", "ciao", "salut", "namaste", "ola", "hej",
        "{hi|hello|hey} {sir|man|dude|mate|pal|guys}", "hello from {the terminal|berlin|home|my laptop|me}", "hi from {the other side|my terminal|here}", "helo", "hii", "hiii", "heyy", "helloo",
        "start", "begin", "let's start", "let's begin", "let's talk", "let's chat", "can we talk?", "can we chat?", "can i talk to you?", "wanna chat?", "want to talk?",
        "~hey there {bot|pocket|bauta}", "~oh hey", "~hi, anyone there?", "~hello there, friend", "~well hi there", "~hey, nice to meet you",
        "~hello, are you there?", "~hi hello", "~hey hello", "~hello, i'm new here", "~hello my friend, nice to see you", "~hi, can we talk?",
    ], weight=3),
    Intent("greet.morning", "greeting", ["Good morning! What would you like to know?"], [
        "good morning", "morning", "morning!", "good morning {bot|pocket|bauta|friend|everyone|to you}", "gm", "hi, good morning", "hello, good morning", "a very good morning",
        "~good morning there", "~hey, good morning", "~morning {friend|bot}",
    ]),
    Intent("greet.evening", "greeting", ["Good evening! What would you like to know?"], [
        "good evening", "evening", "good evening {bot|pocket|bauta|friend|everyone|to you}", "hi, good evening", "hello, good evening", "evening!", "a very good evening",
        "~good evening there", "~hey, good evening", "~evening {friend|bot}",
    ]),
    Intent("greet.afternoon", "greeting", ["Good afternoon! What would you like to know?"], [
        "good afternoon", "afternoon", "good afternoon {bot|pocket|bauta|friend|everyone|to you}", "hi, good afternoon", "hello, good afternoon", "afternoon!", "a very good afternoon",
        "~good afternoon there", "~hey, good afternoon", "~afternoon {friend|bot}",
    ]),
    Intent("greet.howareyou", "greeting", ["I'm fine, thank you. What would you like to know?", "All tokens in order, thank you. How can I help?"], [
        "how are you?", "how are you doing?", "how are you today?", "how are u", "how r u", "how do you do?", "how's it going?", "how is it going?", "how are things?",
        "what's up?", "what is up?", "whats new?", "what's new?", "how have you been?", "are you {ok|okay|well|alright}?", "you ok?", "you good?", "how do you feel today?",
        "how was your day?", "how is your day?", "how's your day going?", "how's life?", "how is life?", "everything {ok|okay|fine|good}?", "is everything {ok|fine}?", "all good?", "how goes it?",
        "{hi|hello|hey}, how are you{| doing| today}?", "{hi|hello|hey} how's it going?", "{hi|hello|hey}, what's up?", "{hi|hello|hey}, how have you been?", "and how are you?", "i'm {fine|good}, and you?", "fine, you?", "wassup", "hope you are {well|doing well}", "how is everything{| with you| today}?", "is everything going well?", "how are you feeling today?", "do you feel {ok|well|good}?", "are you {ok|okay|well|fine|alright|doing well}?", "are you ok today?", "how is your mood?", "how are you my friend?", "how is the day?", "{hi|hello|hey}, are you {well|fine|alright}?",
        "~hello there, how are you?", "~so how are you doing today?", "~hey, how are things?", "~how are you feeling?", "~how's everything?", "~hi, are you ok?", "~how is everything going?",
    ], weight=2),
]

CLOSINGS = [
    Intent("close.thanks", "closing", ["You're welcome!", "You're welcome! Ask me more if you like."], [
        "thanks", "thank you", "thx", "ty", "thanks!", "thank you!", "thanks a lot", "thank you very much", "thank you so much", "many thanks", "thanks so much", "cheers", "tysm",
        "thanks, {that helps|that helped|bot|pocket|bauta|friend|buddy|that's all|got it|good answer|that was helpful|great|perfect|nice}", "great, thanks", "ok thanks", "ok thank you", "okay, thanks", "cool, thanks", "perfect, thank you", "nice, thanks", "got it, thanks", "awesome thanks", "alright, thank you",
        "thank you for {your help|the answer|the explanation|helping|this|everything|your time}", "thanks for {your help|the answer|the explanation|helping|this|everything|the info|explaining}", "i appreciate it", "much appreciated", "appreciate it", "that was helpful, thanks", "that helps, thank you", "very helpful", "that was helpful", "that helps", "thank u", "thankyou",
        "~thanks again", "~super, thank you", "~thanks very much", "~great, thank you so much", "~ok, thanks for explaining", "~wonderful, thanks a lot", "~that helped, thanks", "~cool, thank you for the help", "~thanks for answering",
    ], weight=2),
    Intent("close.bye", "closing", ["Goodbye! I remember nothing of this chat.", "Bye! I remember nothing of this chat."], [
        "bye", "goodbye", "bye bye", "good bye", "see you", "see ya", "see you {later|soon|tomorrow|around}", "cya", "later", "talk to you later", "ttyl", "take care", "farewell", "so long", "i have to go", "i must go", "gotta go", "got to go", "i'm leaving", "i am off", "bye {bot|pocket|bauta|friend|now|for now}", "goodbye {bot|pocket|bauta|friend|and thanks|then}",
        "ok bye", "okay, bye", "thanks, bye", "thank you, goodbye", "that's all, bye", "bye, thanks", "exit", "quit", "stop", "end", "have a {nice|good|great} {day|evening|one|weekend|time}", "ciao ciao", "adios", "au revoir", "until next time", "catch you later", "we are done", "i'm done", "that's all for today",
        "~ok, goodbye", "~thanks and bye", "~well, goodbye then", "~i have to leave now, bye", "~see you next time", "~alright, see you later", "~bye, take care", "~have a nice day, bye", "~ok i'm leaving, bye bye",
    ], weight=2),
    Intent("close.night", "closing", ["Good night! I remember nothing of this chat."], [
        "good night", "night", "goodnight", "gn", "nighty night", "sleep well", "good night {bot|pocket|bauta|friend|everyone}", "sweet dreams", "i'm going to {bed|sleep}, good night", "ok good night", "have a good night",
        "~thanks, good night", "~well, good night", "~good night then", "~night night",
    ]),
]

SMALL_TALK = [
    Intent("talk.ok", "small talk", ["Good. What else would you like to know?"], [
        "ok", "okay", "k", "kk", "alright", "all right", "makes sense to me", "i get it", "now i see", "now i understand", "that is clear", "clear", "that is very good", "great answer", "that was interesting", "very nice", "fine", "i see", "got it", "understood", "makes sense", "that makes sense", "right", "sure", "good", "great", "cool", "nice", "perfect", "awesome", "interesting", "wow", "amazing", "excellent", "oh", "oh i see", "ah ok", "ah", "hmm", "hm", "mhm", "yes", "yep", "yeah", "yup", "ok cool", "ok got it", "very good", "good to know", "sounds good", "that's {nice|good|great|cool|interesting}", "very interesting", "how interesting", "neat", "true", "exactly", "indeed", "fair enough", "oh nice", "oh cool", "i understand", "i like {that|it}", "impressive", "not bad", "well done", "good job", "good answer", "nice answer", "correct", "that is right", "that's correct",
        "~ok i see", "~ah i see", "~oh great", "~ok, makes sense", "~cool, got it", "~ok good", "~yes, i see", "~that's very interesting",
    ]),
    Intent("talk.no", "small talk", ["All right. Is there something else you would like to know?"], [
        "no", "nope", "nah", "not really", "no thanks", "no, not now", "no, thank you", "no, i am fine", "no no", "no i don't", "not today", "no thank you", "never mind", "nevermind", "forget it", "nothing", "nothing else", "no, that's all", "not now", "i don't {think so|care}", "no more", "nothing more", "that's all", "that is all", "no questions", "i have no {more |}questions",
        "~no, nothing", "~nah, never mind", "~no, not really", "~nothing, thanks", "~no, forget it",
    ]),
    Intent("talk.wrong", "small talk", ["You may be right: I'm a pocket model and I make mistakes. Try other words, or load a bigger model with --model-file."], [
        "that's wrong", "that is wrong", "wrong", "you are wrong", "you're wrong", "that's not {right|correct|true}", "that is not {right|correct|true}", "incorrect", "not correct", "no, that's wrong", "this is {wrong|false|nonsense}", "that's {false|nonsense|not what i asked|not what i meant}", "that is not what i {asked|meant}", "you did not answer my question", "you didn't answer {me|my question}", "wrong answer", "bad answer", "you made a mistake", "you make mistakes", "i asked something else", "are you sure?", "really?", "are you sure about that?", "is that {true|right|correct}?", "are you certain?", "seriously?", "i don't believe you", "i doubt it", "i doubt that", "how do you know?", "can i trust your answers?", "do you make mistakes?", "are you always right?", "how {good|accurate|reliable} are your answers?", "do you hallucinate?", "are you accurate?", "are your answers {correct|right|true}?",
        "~no, you are wrong", "~i think that's wrong", "~that answer is wrong", "~are you really sure?", "~is that really true?", "~that was not what i asked", "~do you ever make mistakes?",
    ]),
    Intent("talk.more", "small talk", ["My answers are short and that is all I have on it. Ask me about a single word, for example quote, nonce or receipt."], [
        "tell me more", "more", "more please", "go on", "continue", "keep going", "and then?", "what else?", "can you say more?", "can you elaborate?", "elaborate", "more details", "explain more", "explain further", "in more detail", "give me more details", "and?", "say more", "please go on", "i want to know more", "more info", "why?", "why", "why is that?", "why so?", "how so?", "how come?", "but why?", "how?", "what do you mean?", "i don't understand", "i do not understand", "i don't get it", "can you explain that again?", "can you repeat that?", "repeat that", "say that again", "what?", "huh?", "come again?", "explain that", "can you explain that?", "give me an example", "for example?", "an example please", "example?", "expand on that", "can you explain it {better|in other words}?",
        "~please tell me more", "~can you tell me more?", "~could you elaborate on that?", "~and why is that?", "~more details please", "~please continue", "~i didn't understand that", "~can you give me an example?",
    ]),
    Intent("talk.joke", "small talk", ["Why did the enclave skip the party? Nobody could attest who would be there."], [
        "tell me a joke", "joke", "a joke please", "tell me a {funny|good|short} joke", "make me laugh", "do you know {a joke|any jokes|some jokes}?", "say something funny", "got {a joke|any jokes}?", "another joke", "be funny", "can you tell {me |}{a joke|jokes}?", "i want {to hear |}a joke", "i need a {laugh|joke}", "one more joke", "tell us a joke", "are you funny?", "give me a joke", "a joke about {tees|enclaves|computers|you}",
        "~please tell me a joke", "~could you tell me a joke?", "~i want a funny joke", "~tell a joke", "~do you know a good joke?",
    ]),
    Intent("talk.bored", "small talk", [SUGGESTION], [
        "i'm bored", "i am bored", "bored", "this is boring", "entertain me", "what should i ask{| you}?", "what can i ask{| you}?", "what shall we talk about?", "what do you want to talk about?", "i don't know what to {ask|say}", "suggest a {question|topic}", "give me a {topic|question|suggestion}", "ask me {something|a question}", "what now?", "what next?", "now what?", "tell me something", "tell me something {interesting|new}", "say something", "surprise me", "give me {ideas|an idea}", "what is a good question?", "any suggestions?", "what questions can you answer?",
        "~i'm so bored", "~what could i ask you?", "~please say something", "~i have no idea what to ask", "~suggest something to talk about",
    ], also=[ABILITIES]),
    Intent("talk.name", "small talk", ["Nice to meet you! I won't remember your name after this chat."], [
        "my name is {anna|bob|alice|john|maria|tom|peter|lisa|max|sam|kim|ahmed|wei|priya|carlos|nina|leo}", "i'm {anna|bob|alice|john|maria|tom|peter|lisa|max|sam|kim|ahmed|wei|priya|carlos|nina|leo}", "i am {anna|bob|alice|john|maria|tom|peter|lisa|max|sam|kim}", "call me {anna|bob|alice|john|maria|tom|peter|lisa|max|sam|boss|captain}", "hi, i'm {anna|bob|alice|john|maria|tom|peter|lisa}", "hello, my name is {anna|bob|alice|john|maria|tom|peter|lisa}", "you can call me {anna|bob|alice|max|leo}", "this is {anna|bob|tom} speaking", "the name is {bond|anna|bob|tom}", "i am called {anna|bob|leo}",
        "~hey, my name is {anna|bob|tom|lisa}", "~hi there, i am {alice|john|max}", "~people call me {sam|leo|nina}", "~my name's {peter|maria|kim}",
    ]),
    Intent("talk.myname", "small talk", ["I keep no names and no notes: I only answer your last message."], [
        "what is my name?", "what's my name?", "do you know my name?", "do you remember my name?", "who am i?", "do you know me?", "do you know who i am?", "what did i say?", "what did i just say?", "what did i ask{| before| you}?", "what was my {first|last} question?", "can you see my earlier messages?", "do you remember what i said?", "what do you know about me?", "where am i?", "where do i live?", "how old am i?", "what am i thinking?", "what was my name again?",
        "~can you remember my name?", "~tell me my name", "~what did i say before?", "~do you remember my question?", "~do you know who i am by now?",
    ], also=[FORGETS]),
    Intent("talk.love", "small talk", ["That is kind of you. I'm only a small model, but thank you."], [
        "i love you", "i like you", "you are {great|nice|cool|smart|clever|cute|funny|awesome|amazing|good|sweet|the best|helpful|kind|sweet}", "you're {great|nice|cool|smart|clever|cute|funny|awesome|amazing|good|sweet|the best|so smart}", "good bot", "good boy", "will you marry me?", "do you love me?", "do you like me?", "be my friend", "are you my friend?", "can we be friends?", "let's be friends", "i like talking to you", "you did well", "you are my {best |}friend", "i like this model", "i'm impressed", "you are so {cute|nice|good|small}", "what a nice model", "bravo",
        "~you are really nice", "~i really like you", "~you're a good bot", "~would you be my friend?", "~you are such a nice model",
    ]),
    Intent("talk.insult", "small talk", ["I'm sorry that I was of no help. I'm a pocket model; a bigger one can take my place with --model-file."], [
        "you are {stupid|dumb|useless|bad|terrible|silly|an idiot|a fool|not helpful|boring|worthless|the worst|annoying|slow|ugly}", "you're {stupid|dumb|useless|bad|terrible|silly|an idiot|not helpful|boring|so dumb|annoying}", "bad bot", "stupid bot", "idiot", "dummy", "this is {useless|bad|terrible|stupid}", "you suck", "this sucks", "i hate you", "shut up", "you know nothing", "you can't do anything", "you are no help", "what a {bad|stupid|useless} {model|bot}", "that's {useless|stupid|dumb}", "go away", "useless", "stupid", "lame", "you are not very {smart|clever|useful|good}", "chatgpt is better than you", "you are worse than {chatgpt|a calculator}",
        "~you are so stupid", "~what a dumb bot", "~you are really useless", "~this bot is bad", "~you're not very smart",
    ]),
    Intent("talk.test", "small talk", ["It works: you sent a message and I answered."], [
        "test", "testing", "this is a test", "it is a test", "this is only a test", "hello, this is a test message", "just testing", "test test", "testing 1 2 3", "1 2 3", "is this {on|working}?", "does this work?", "does it work?", "is it working?", "can you hear me?", "can you read {me|this|that}?", "do you read me?", "hello, does this work?", "are you working?", "are you alive?", "are you awake?", "are you online?", "are you ready?", "test message", "a test", "testing testing", "only a test", "check", "mic check", "are you on?", "did you get {that|my message}?", "do you work?", "just a test", "hello world test",
        "~is this thing working?", "~hi, this is a test", "~i'm just testing", "~can you hear me now?", "~are you still working?", "~test, test, test",
    ]),
    Intent("talk.ping", "small talk", ["Pong."], ["ping", "ping?", "ping!", "ping ping", "say pong", "reply with pong", "answer ping", "~ping please", "~please say pong"], weight=0.4),
    Intent("talk.saytest", "small talk", ["This is a test."], ["say this is a test", "say: this is a test", "please say this is a test", "repeat: this is a test", "say 'this is a test'", "~say \"this is a test\".", "~now say this is a test"], weight=0.4),
    Intent("talk.happy", "small talk", ["I'm glad to hear it. What would you like to know?"], [
        "i'm {fine|good|happy|great|well|ok}", "i am {fine|good|happy|great|well|ok}", "i feel {good|great|fine|really good|very happy}", "i'm doing {well|fine|great}", "i had a {good|great|nice} day", "life is good", "i'm good too", "fine, thanks", "good, thanks", "very well, thank you", "i am {so|really} happy", "i'm doing good, thanks", "today is a good day", "not bad, thanks", "i'm fine too",
        "~i am doing really well", "~i'm very happy", "~i feel really good today", "~good, thank you",
    ], also=["You're welcome!", "You're welcome! Ask me more if you like."]),
    Intent("talk.sad", "small talk", ["I'm sorry to hear that. I'm only a pocket model; please talk to a person you trust."], [
        "i'm {sad|tired|lonely|depressed|unhappy|angry|stressed|afraid|scared|sick|ill|upset|anxious|worried}", "i am {sad|tired|lonely|depressed|unhappy|angry|stressed|afraid|scared|sick|upset}", "i feel {sad|bad|tired|lonely|terrible|awful|alone|sick|down|anxious}", "i had a bad day", "life is {hard|bad}", "nobody loves me", "i want to cry", "i need help, i feel bad", "i'm not {ok|well|fine}", "i am not feeling well", "i feel so alone", "i'm having a hard time", "everything is bad", "my day was {bad|terrible}",
        "~i'm so sad", "~i feel really bad today", "~i am very tired and sad", "~i'm feeling lonely", "~today was a bad day",
    ]),
    Intent("talk.laugh", "small talk", ["I'm glad you like it."], ["haha", "lol", "hahaha", "hehe", "lmao", "rofl", "ha ha", "that's funny", "that was funny", "funny", "very funny", "good one", "nice one", "good joke", "nice joke", "that was a {good|funny} {one|joke}", "what a {good|nice|funny} joke", "i like {this|the|your} joke", ":)", ":-)", ":D", "xd", "haha nice", "haha ok", "lol ok", "~haha, good one", "~lol that's funny", "~haha that was a nice joke"]),
    Intent("talk.sorry", "small talk", ["No harm done. What would you like to know?"], ["sorry", "i'm sorry", "i am sorry", "my bad", "sorry about that", "i apologize", "apologies", "forgive me", "excuse me", "oops", "pardon", "sorry, my mistake", "oh sorry", "~sorry for that", "~oh, i'm sorry", "~sorry, i apologize"]),
    Intent("talk.help", "small talk", [ABILITIES], [
        "help", "help me", "can you help me?", "i need help", "i need your help", "please help", "could you help me?", "/help", "help!", "can you help?", "what can you do?", "what can you do for me?", "what do you know?", "what are you able to do?", "what are your {abilities|capabilities|skills|features|limits|limitations}?", "what are you good {at|for}?", "what can you help {me |}with?", "how can you help me?", "how do i use {you|this|this chat}?", "what can i do {here|with you}?", "what is this?", "what is this thing?", "instructions", "what topics do you know?", "which topics can you talk about?", "list your {abilities|skills|topics}", "what do you do?", "what are you for?", "what is your purpose?", "what's your job?", "why do you exist?", "usage", "menu", "commands", "options", "what subjects do you know?", "i have a question", "may i ask {you |}a question?", "can i ask you {something|a question}?", "question", "what are you capable of?", "what can't you do?", "what can you not do?",
        "~could you please help me?", "~so what can you do?", "~tell me what you can do", "~what things do you know about?", "~what kind of questions can you answer?", "~can i ask something?", "~what are you useful for?", "~help me please",
    ], also=[SUGGESTION], weight=2),
]

SMALL_TALK.append(
    Intent("talk.math", "small talk", ["A little: I add and subtract numbers up to 99 and multiply up to 12."], [
        "can you {calculate|do math|do maths|count|add|add numbers|multiply|subtract|do arithmetic|do sums|do mathematics}?", "do you know {math|maths|arithmetic|numbers}?", "how good are you at {math|maths|arithmetic|calculating|sums}?", "are you good at {math|maths|arithmetic|calculating|sums}?", "what math can you do?", "how well can you calculate?", "what can you calculate?", "which sums can you do?", "which numbers do you know?", "can you do small sums?", "what sums do you know?", "can i use you as a calculator?", "are you a calculator?", "give me a sum", "let's do math", "math", "maths",
        "~could you do some math?", "~are you able to calculate?", "~what kind of sums can you do?", "~how well can you do math?", "~can you do some arithmetic?",
    ])
)

INTENTS = GREETINGS + CLOSINGS + SMALL_TALK
