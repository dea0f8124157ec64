"""Function words by language, put together by kind: articles, pronouns, auxiliaries, prepositions, conjunctions."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "english": """
        a an the
        i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
        she her hers
        herself it its itself they them their theirs themselves this that these those who whom whose which what
        i'm i've i'd i'll we're we've we'd we'll you're you've you'd you'll he's he'd he'll she's she'd
        she'll it's it'd
        it'll they're they've they'd they'll that's there's what's who's
        am is are was were be been being have has had having do does did doing will would shall should can could may
        might must ought
        isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't didn't won't wouldn't shan't shouldn't can't
        cannot couldn't mightn't mustn't
        about above across after against along among around at before behind below beneath beside between
        beyond by down
        during for from in inside into of off on onto out outside over through to toward towards under until up upon
        with within without
        and but or nor so yet if because as while although though unless since whether than
        not no only own same such too very just here there where when why how again further then once all
        any both each
        few more most other some also ever
    """,
    "german": """
        der die das des dem den ein eine einer eines einem einen
        ich mich mir mein meine meiner meines meinem meinen du dich dir dein deine deiner deines deinem
        deinen er ihn ihm
        sein seine seiner seines seinem seinen sie ihr ihre ihrer ihres ihrem ihren ihnen es wir uns unser
        unsere unserer
        unseres unserem unseren euch euer eure eurer eures eurem euren sich man selbst dieser diese dieses
        diesem diesen
        jener jene jenes jenem jenen welcher welche welches welchem welchen wer wen wem wessen was
        bin bist ist sind seid war warst waren wart gewesen sein habe hast hat haben habt hatte hattest
        hatten hattet
        gehabt werde wirst wird werden werdet wurde wurdest wurden wurdet geworden worden kann kannst können
        könnt konnte
        konnten muss musst müssen müsst musste mussten soll sollst sollen sollte sollten will willst wollen wollte
        wollten darf dürfen durfte mag mögen mochte möchte würde würden
        an am ans auf aus bei beim bis durch für gegen hinter in im ins mit nach neben ohne über um unter
        von vom vor
        während wegen zu zum zur zwischen
        und oder aber denn sondern als wie wenn weil dass daß ob damit obwohl bevor nachdem
        nicht kein keine keiner keines keinem keinen nur auch so sehr noch schon doch hier da dort dann wann
        wo warum
        alle allem allen aller alles jede jedem jeden jeder jedes manche mancher manches einige einiges etwas nichts
    """,
    "french": """
        le la les l' un une des du de d' au aux
        je j' me m' moi mon ma mes tu te t' toi ton ta tes il elle on se s' lui son sa ses nous notre nos
        vous votre vos
        ils elles eux leur leurs y en ce c' cet cette ces cela ça celui celle ceux celles qui que qu' quoi
        dont où quel
        quelle quels quelles
        suis es est sommes êtes sont étais était étions étiez étaient serai sera serons seront serait
        seraient été être
        étant ai as a avons avez ont avais avait avions aviez avaient aurai aura aurons auront aurait
        auraient eu avoir
        ayant fait faire peut peuvent doit doivent
        à dans par pour sur sous avec sans chez contre entre vers depuis pendant avant après jusque
        et ou mais donc or ni car si comme quand lorsque puisque parce
        ne n' pas plus moins très aussi trop même tout toute tous toutes autre autres ici là alors encore déjà
    """,
    "spanish": """
        el la los las lo un una unos unas al del
        yo me mi mí mis mío tú te ti tu tus él ella ello se le les su sus nosotros nosotras nos nuestro
        nuestra nuestros
        nuestras vosotros vosotras os vuestro vuestra vuestros vuestras ellos ellas usted ustedes este esta
        esto estos
        estas ese esa eso esos esas aquel aquella aquello aquellos aquellas que qué quien quién quienes cual
        cuál cuyo
        soy eres es somos sois son era eras éramos eran fui fue fueron será serán sería sido ser siendo estoy está
        estamos están estaba estaban estar he has ha hemos han había habían haber hay tengo tiene tienen tenía tener
        puede pueden debe deben
        a ante bajo con contra de desde durante en entre hacia hasta para por según sin sobre tras
        y e o u pero sino si como cuando donde porque aunque mientras ni
        no sí muy más menos ya también tampoco tan tanto todo toda todos todas otro otra otros otras algo
        nada alguno
        alguna aquí allí entonces
    """,
    "italian": """
        il lo la i gli le l' un uno una un' del dello della dei degli delle al allo alla ai agli alle dal
        dallo dalla
        dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui sugli sulle
        io mi me mio mia miei mie tu ti te tuo tua tuoi tue egli lui lei ella esso essa si sé suo sua suoi
        sue noi ci ce
        nostro nostra nostri nostre voi vi ve vostro vostra vostri vostre essi esse loro ne questo questa
        questi queste
        quello quella quelli quelle che chi cui quale quali
        sono sei è siamo siete era eri eravamo erano fui fu furono sarò sarà saranno sarebbe stato stata stati state
        essere essendo ho hai ha abbiamo avete hanno avevo aveva avevano avrò avrà avranno avrebbe avuto
        avere avendo
        può possono deve devono
        a con da di in per su tra fra senza sotto sopra verso durante dopo prima contro
        e ed o od ma però se come quando dove perché mentre né
        non più meno molto anche così tutto tutta tutti tutte altro altra altri altre qui lì allora ancora già
    """,
    "portuguese": """
        o a os as um uma uns umas ao à aos às do da dos das no na nos nas pelo pela pelos pelas num numa
        eu me mim meu minha meus minhas tu te ti teu tua teus tuas ele ela se si lhe lhes seu sua seus suas
        nós nosso
        nossa nossos nossas vós vos vosso vossa eles elas você vocês este esta isto estes estas esse essa isso esses
        essas aquele aquela aquilo aqueles aquelas que quem qual quais cujo
        sou és é somos são era eras éramos eram fui foi foram será serão seria sido ser sendo estou está
        estamos estão
        estava estavam estar tenho tem temos têm tinha tinham ter há havia haver pode podem deve devem
        ante após até com contra de desde em entre para perante por sem sob sobre
        e ou mas porém se como quando onde porque embora enquanto nem
        não sim muito mais menos já também tão tanto todo toda todos todas outro outra outros outras algo nada algum
        alguma aqui ali então ainda
    """,
    "dutch": """
        de het een
        ik me mij mijn je jij jou jouw u uw hij hem zijn ze zij haar het wij we ons onze jullie hen hun zich
        zelf dit dat
        deze die wie wat welke welk wiens
        ben bent is was waren geweest zijn heb hebt heeft hebben had hadden gehad word wordt worden werd
        werden geworden
        kan kunt kunnen kon konden zal zult zullen zou zouden moet moeten moest moesten wil willen wilde mag
        mogen mocht
        aan achter af bij binnen boven buiten door in met na naar naast om onder op over sinds te ten ter tegen tot
        tussen uit van vanaf voor voorbij zonder
        en of maar want dus als dan toen omdat terwijl hoewel zodat
        niet geen wel ook nog al alleen zo zeer heel meer minder hier daar er waar wanneer waarom hoe alle
        alles andere
        iets niets elk elke ieder iedere
    """,
}
