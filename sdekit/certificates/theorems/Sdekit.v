Require Import Bool Reals Lra Lia Arith List Permutation FunctionalExtensionality.
Import ListNotations.
Open Scope R_scope.

(* ---- Finite sums ---- *)

Fixpoint Sum (n : nat) (f : nat -> R) : R :=
  match n with O => 0 | S k => Sum k f + f k end.

Definition delta (i j : nat) : R := if Nat.eqb i j then 1 else 0.

Lemma Sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> Sum n f = Sum n g.
Proof. induction n; intros H; simpl; [reflexivity|]. rewrite IHn, H; auto. Qed.
Lemma Sum_plus n f g : Sum n (fun i => f i + g i) = Sum n f + Sum n g.
Proof. induction n; simpl; [ring|rewrite IHn; ring]. Qed.
Lemma Sum_scal n c f : Sum n (fun i => c * f i) = c * Sum n f.
Proof. induction n; simpl; [ring|rewrite IHn; ring]. Qed.
Lemma Sum_one n : Sum n (fun _ => 1) = INR n.
Proof. induction n; [reflexivity|]. rewrite S_INR, <- IHn; reflexivity. Qed.
Lemma Sum_zero n f : (forall i, (i < n)%nat -> f i = 0) -> Sum n f = 0.
Proof. induction n; intros H; simpl; [reflexivity|]. rewrite IHn, H; auto; ring. Qed.
Lemma Sum_swap m n f : Sum m (fun i => Sum n (f i)) = Sum n (fun j => Sum m (fun i => f i j)).
Proof.
  induction m; simpl; [symmetry; apply Sum_zero; auto|].
  rewrite IHm, <- Sum_plus; reflexivity.
Qed.
Lemma Sum_delta n j f : (j < n)%nat -> Sum n (fun i => delta i j * f i) = f j.
Proof.
  unfold delta; induction n; intros H; [lia|]; simpl.
  destruct (Nat.eq_dec j n) as [->|Hj].
  - rewrite Nat.eqb_refl, Sum_zero; [ring|].
    intros i Hi; destruct (Nat.eqb_spec i n); [lia|ring].
  - rewrite IHn by lia. destruct (Nat.eqb_spec n j); [lia|ring].
Qed.

(* ---- States, partial derivatives and the Fokker-Planck equation ---- *)

Definition coordinate := (nat * list nat)%type.
Definition state := coordinate -> R.

Definition coordinate_eq_dec (a b : coordinate) : {a = b} + {a <> b}.
Proof. repeat decide equality. Defined.

Definition update (z : state) (c : coordinate) (t : R) : state :=
  fun a => if coordinate_eq_dec a c then t else z a.
Definition partial (f : state -> R) (c : coordinate) (z : state) (l : R) : Prop :=
  derivable_pt_lim (fun t => f (update z c t)) (z c) l.
Definition replace (x : nat -> R) (i : nat) (t : R) : nat -> R :=
  fun j => if Nat.eqb j i then t else x j.

Fixpoint within (sizes ix : list nat) : Prop :=
  match sizes, ix with
  | [], [] => True
  | n :: sizes, i :: ix => (i < n)%nat /\ within sizes ix
  | _, _ => False
  end.
Definition inside (blocks : list (list nat)) (c : coordinate) : Prop :=
  match nth_error blocks (fst c) with Some sizes => within sizes (snd c) | None => False end.

Fixpoint over (sizes : list nat) (f : list nat -> R) : R :=
  match sizes with [] => f [] | n :: sizes => Sum n (fun i => over sizes (fun ix => f (i :: ix))) end.
Fixpoint total_from (b : nat) (blocks : list (list nat)) (f : coordinate -> R) : R :=
  match blocks with
  | [] => 0
  | sizes :: blocks => over sizes (fun ix => f (b, ix)) + total_from (S b) blocks f
  end.
Definition total (blocks : list (list nat)) (f : coordinate -> R) : R := total_from 0 blocks f.

Definition fokker_planck (blocks : list (list nat)) (domain : state -> Prop)
    (v : coordinate -> state -> R) (D : coordinate -> coordinate -> state -> R)
    (rho : state -> R) : Prop :=
  exists (d_v_rho : coordinate -> state -> R) (d_D_rho dd_D_rho : coordinate -> coordinate -> state -> R),
    (forall a z, inside blocks a -> domain z ->
       partial (fun z => v a z * rho z) a z (d_v_rho a z)) /\
    (forall a b z, inside blocks a -> inside blocks b -> domain z ->
       partial (fun z => D a b z * rho z) b z (d_D_rho a b z)) /\
    (forall a b z, inside blocks a -> inside blocks b -> domain z ->
       partial (d_D_rho a b) a z (dd_D_rho a b z)) /\
    (forall z, domain z ->
       total blocks (fun a => d_v_rho a z)
       = total blocks (fun a => total blocks (fun b => dd_D_rho a b z))).

(* ---- Rules of differentiation ---- *)

Lemma update_same z c : update z c (z c) = z.
Proof. extensionality a; unfold update; destruct (coordinate_eq_dec a c); congruence. Qed.

Lemma partial_ext f g c z l : (forall z, f z = g z) -> partial g c z l -> partial f c z l.
Proof. intros H; replace f with g; auto. extensionality y; auto. Qed.
Lemma partial_value f c z l m : l = m -> partial f c z l -> partial f c z m.
Proof. intros ->; auto. Qed.
Lemma partial_const r c z : partial (fun _ => r) c z 0.
Proof. apply (derivable_pt_lim_const r). Qed.
Lemma partial_plus f g c z a b : partial f c z a -> partial g c z b -> partial (fun y => f y + g y) c z (a + b).
Proof. intros; apply (derivable_pt_lim_plus (fun t => f (update z c t)) (fun t => g (update z c t))); auto. Qed.
Lemma partial_opp f c z a : partial f c z a -> partial (fun y => - f y) c z (- a).
Proof. intros; apply (derivable_pt_lim_opp (fun t => f (update z c t))); auto. Qed.
Lemma partial_mult f g c z a b :
  partial f c z a -> partial g c z b -> partial (fun y => f y * g y) c z (a * g z + f z * b).
Proof.
  intros Hf Hg. pose proof (derivable_pt_lim_mult _ _ _ _ _ Hf Hg) as H.
  unfold partial; cbv beta in H; rewrite update_same in H; exact H.
Qed.
Lemma partial_comp (h : R -> R) f c z a b :
  partial f c z a -> derivable_pt_lim h (f z) b -> partial (fun y => h (f y)) c z (b * a).
Proof.
  intros Hf Hh. apply (derivable_pt_lim_comp (fun t => f (update z c t)) h); auto.
  rewrite update_same; auto.
Qed.
Lemma derivable_pt_lim_inv x : x <> 0 -> derivable_pt_lim Rinv x (- (/ x * / x)).
Proof.
  intros H.
  pose proof (derivable_pt_lim_div (fun _ => 1) (fun t => t) x 0 1 (derivable_pt_lim_const 1 x) (derivable_pt_lim_id x) H) as E.
  replace (- (/ x * / x)) with ((0 * x - 1 * 1) / x²) by (unfold Rsqr; field; auto).
  intros eps He; destruct (E eps He) as [d Hd]; exists d; intros h Hh Hl; specialize (Hd h Hh Hl).
  unfold div_fct, Rdiv in Hd. rewrite !Rmult_1_l in Hd. unfold Rdiv; rewrite ?Rmult_1_l; exact Hd.
Qed.
Lemma partial_Sum n f c z l :
  (forall i, (i < n)%nat -> partial (f i) c z (l i)) -> partial (fun y => Sum n (fun i => f i y)) c z (Sum n l).
Proof.
  induction n; intros H; simpl; [apply partial_const|].
  apply (partial_plus (fun y => Sum n (fun i => f i y)) (f n)); auto.
Qed.
Lemma partial_coordinate a c z : partial (fun y => y a) c z (if coordinate_eq_dec a c then 1 else 0).
Proof.
  unfold partial, update; destruct (coordinate_eq_dec a c);
  [apply derivable_pt_lim_id|apply derivable_pt_lim_const].
Qed.

(* ---- Expressions in a state, whose indices are bound by sums ---- *)

Inductive kernel := Exp | Ln | Sqrt | Sin | Cos.
Definition kernel_value (f : kernel) : R -> R :=
  match f with Exp => exp | Ln => ln | Sqrt => sqrt | Sin => sin | Cos => cos end.
Definition kernel_domain (f : kernel) (x : R) : Prop :=
  match f with Ln | Sqrt => 0 < x | _ => True end.

(* Indices are numbered from the innermost sum outwards. *)
Inductive ex :=
  | Nul | Num (r : R) | Size (d : nat) | Delta (i j : nat)
  | Atom (k : nat) (ix : list nat) | X (b : nat) (ix : list nat)
  | Add (a c : ex) | Mul (a c : ex) | Opp (a : ex) | Inv (a : ex) | Pow (a : ex) (k : nat)
  | Fn (f : kernel) (a : ex) | Sm (d : nat) (a : ex).

Definition push (i : nat) (env : nat -> nat) : nat -> nat :=
  fun k => match k with O => i | S k => env k end.
Definition lift (r : nat -> nat) : nat -> nat := fun k => match k with O => O | S k => S (r k) end.

Section Model.
Variables (size : nat -> nat) (atom : nat -> list nat -> state -> R).
(* The slope of atom k by block b: None if it is not known, Some None if it is 0. *)
Variables (slope : nat -> nat -> option (option nat)) (arity rank : nat -> nat).
Hypothesis atom_slope : forall k b ix jx z s, slope k b = Some s ->
  length ix = arity k -> length jx = rank b ->
  partial (atom k ix) (b, jx) z (match s with Some m => atom m (ix ++ jx) z | None => 0 end).

Fixpoint eval (e : ex) (env : nat -> nat) (z : state) : R :=
  match e with
  | Nul => 0 | Num r => r | Size d => INR (size d) | Delta i j => delta (env i) (env j)
  | Atom k ix => atom k (map env ix) z | X b ix => z (b, map env ix)
  | Add a c => eval a env z + eval c env z | Mul a c => eval a env z * eval c env z
  | Opp a => - eval a env z | Inv a => / eval a env z | Pow a k => eval a env z ^ k
  | Fn f a => kernel_value f (eval a env z)
  | Sm d a => Sum (size d) (fun i => eval a (push i env) z)
  end.

Definition add a c := match a, c with Nul, e | e, Nul => e | _, _ => Add a c end.
Definition mul a c := match a, c with Nul, _ | _, Nul => Nul | _, _ => Mul a c end.
Definition opp a := match a with Nul => Nul | _ => Opp a end.
Definition sm d a := match a with Nul => Nul | _ => Sm d a end.
Lemma eval_add a c env z : eval (add a c) env z = eval a env z + eval c env z.
Proof. destruct a, c; simpl; ring. Qed.
Lemma eval_mul a c env z : eval (mul a c) env z = eval a env z * eval c env z.
Proof. destruct a, c; simpl; ring. Qed.
Lemma eval_opp a env z : eval (opp a) env z = - eval a env z.
Proof. destruct a; simpl; ring. Qed.
Lemma eval_sm d a env z : eval (sm d a) env z = Sum (size d) (fun i => eval a (push i env) z).
Proof. destruct a; simpl; try reflexivity. symmetry; apply Sum_zero; reflexivity. Qed.

Fixpoint deltas (ix jx : list nat) : ex :=
  match ix, jx with
  | [], [] => Num 1
  | [i], [j] => Delta i j
  | i :: ix, j :: jx => mul (Delta i j) (deltas ix jx)
  | _, _ => Nul
  end.
Local Opaque list_eq_dec.
Lemma eval_deltas ix : forall jx env z (b : nat),
  eval (deltas ix jx) env z
  = if coordinate_eq_dec (b, map env ix) (b, map env jx) then 1 else 0.
Proof.
  assert (G : forall jx env z, eval (deltas ix jx) env z
    = if list_eq_dec Nat.eq_dec (map env ix) (map env jx) then 1 else 0).
  { induction ix as [|i ix IH]; intros [|j jx] env z; simpl; auto.
    - destruct ix; reflexivity.
    - assert (E : eval (match ix, jx with [], [] => Delta i j | _, _ => mul (Delta i j) (deltas ix jx) end) env z
        = delta (env i) (env j) * eval (deltas ix jx) env z).
      { destruct ix, jx; try (rewrite eval_mul; reflexivity). simpl; ring. }
      transitivity (delta (env i) (env j) * eval (deltas ix jx) env z).
      { destruct ix, jx; exact E. }
      rewrite IH; unfold delta.
      destruct (Nat.eqb_spec (env i) (env j)) as [e|e];
      destruct (list_eq_dec Nat.eq_dec (map env ix) (map env jx)) as [f|f];
      destruct (list_eq_dec Nat.eq_dec (env i :: map env ix) (env j :: map env jx)) as [g|g];
      try ring; exfalso; congruence. }
  intros; rewrite G.
  destruct (list_eq_dec Nat.eq_dec (map env ix) (map env jx)) as [f|f];
  destruct (coordinate_eq_dec (b, map env ix) (b, map env jx)) as [g|g]; auto.
  - exfalso; apply g; congruence.
  - exfalso; apply f; congruence.
Qed.

Definition kernel_slope (f : kernel) (a : ex) : ex :=
  match f with
  | Exp => Fn Exp a | Ln => Inv a | Sqrt => Mul (Num (/ 2)) (Inv (Fn Sqrt a))
  | Sin => Fn Cos a | Cos => Opp (Fn Sin a)
  end.
(* The derivative by the coordinate of block b at the indices jx. *)
Fixpoint der (b : nat) (jx : list nat) (e : ex) : ex :=
  match e with
  | Nul | Num _ | Size _ | Delta _ _ => Nul
  | Atom k ix => match slope k b with Some (Some m) => Atom m (ix ++ jx) | _ => Nul end
  | X c ix => if Nat.eqb c b then deltas ix jx else Nul
  | Add a c => add (der b jx a) (der b jx c)
  | Mul a c => add (mul (der b jx a) c) (mul a (der b jx c))
  | Opp a => opp (der b jx a)
  | Inv a => mul (Opp (Mul (Inv a) (Inv a))) (der b jx a)
  | Pow a k => mul (Mul (Num (IZR (Z.of_nat k))) (Pow a (pred k))) (der b jx a)
  | Fn f a => mul (kernel_slope f a) (der b jx a)
  | Sm d a => sm d (der b (map S jx) a)
  end.
Fixpoint smooth (b : nat) (e : ex) : bool :=
  match e with
  | Nul | Num _ | Size _ | Delta _ _ | X _ _ => true
  | Atom k ix => Nat.eqb (length ix) (arity k) && match slope k b with Some _ => true | None => false end
  | Add a c | Mul a c => smooth b a && smooth b c
  | Opp a | Inv a | Pow a _ | Fn _ a | Sm _ a => smooth b a
  end.
Fixpoint defined (e : ex) (env : nat -> nat) (z : state) : Prop :=
  match e with
  | Nul | Num _ | Size _ | Delta _ _ | X _ _ | Atom _ _ => True
  | Add a c | Mul a c => defined a env z /\ defined c env z
  | Opp a | Pow a _ => defined a env z
  | Inv a => eval a env z <> 0 /\ defined a env z
  | Fn f a => kernel_domain f (eval a env z) /\ defined a env z
  | Sm d a => forall i, (i < size d)%nat -> defined a (push i env) z
  end.

Lemma map_push i env jx : map (push i env) (map S jx) = map env jx.
Proof. rewrite map_map; reflexivity. Qed.

Lemma kernel_slope_correct f a env z : kernel_domain f (eval a env z) ->
  derivable_pt_lim (kernel_value f) (eval a env z) (eval (kernel_slope f a) env z).
Proof.
  destruct f; simpl; intros H.
  - apply derivable_pt_lim_exp.
  - apply derivable_pt_lim_ln; auto.
  - replace (/ 2 * / sqrt (eval a env z)) with (/ (2 * sqrt (eval a env z))).
    apply derivable_pt_lim_sqrt; auto. field. apply Rgt_not_eq, sqrt_lt_R0; auto.
  - apply derivable_pt_lim_sin.
  - apply derivable_pt_lim_cos.
Qed.

Theorem der_correct b e : forall jx env z, length jx = rank b -> smooth b e = true -> defined e env z ->
  partial (fun y => eval e env y) (b, map env jx) z (eval (der b jx e) env z).
Proof.
  induction e; cbn [der smooth defined eval]; intros jx env z Hj Hs Hd;
    try apply partial_const.
  - apply andb_prop in Hs as [Hl Hs]. apply Nat.eqb_eq in Hl.
    destruct (slope k b) as [s|] eqn:E; [|discriminate].
    assert (P := atom_slope k b (map env ix) (map env jx) z s E).
    rewrite !map_length in P; specialize (P Hl Hj).
    destruct s; simpl; [rewrite map_app|]; exact P.
  - destruct (Nat.eqb_spec b0 b) as [->|n].
    + rewrite eval_deltas with (b := b); apply (partial_coordinate (b, map env ix)).
    + simpl; eapply partial_value; [|apply (partial_coordinate (b0, map env ix))].
      destruct coordinate_eq_dec as [g|]; auto; exfalso; apply n; congruence.
  - apply andb_prop in Hs as [? ?]; destruct Hd; rewrite eval_add.
    apply (partial_plus (fun y => eval e1 env y) (fun y => eval e2 env y)); auto.
  - apply andb_prop in Hs as [? ?]; destruct Hd; rewrite eval_add, !eval_mul.
    apply (partial_mult (fun y => eval e1 env y) (fun y => eval e2 env y)); auto.
  - rewrite eval_opp. apply (partial_opp (fun y => eval e env y)); auto.
  - destruct Hd; rewrite eval_mul; cbn [eval].
    apply (partial_comp Rinv (fun y => eval e env y)); auto. apply derivable_pt_lim_inv; auto.
  - rewrite eval_mul; cbn [eval].
    rewrite <- INR_IZR_INZ.
    apply (partial_comp (fun x => x ^ k) (fun y => eval e env y)); auto. apply derivable_pt_lim_pow.
  - destruct Hd; rewrite eval_mul.
    apply (partial_comp (kernel_value f) (fun y => eval e env y)); auto. apply kernel_slope_correct; auto.
  - rewrite eval_sm. apply (partial_Sum (size d) (fun i y => eval e (push i env) y)); intros i Hi.
    rewrite <- (map_push i env jx). apply IHe; auto. rewrite map_length; auto.
Qed.

Lemma defined_add a c env z : defined a env z -> defined c env z -> defined (add a c) env z.
Proof. destruct a, c; simpl; tauto. Qed.
Lemma defined_mul a c env z : defined a env z -> defined c env z -> defined (mul a c) env z.
Proof. destruct a, c; simpl; tauto. Qed.
Lemma defined_opp a env z : defined a env z -> defined (opp a) env z.
Proof. destruct a; simpl; tauto. Qed.
Lemma defined_sm d a env z :
  (forall i, (i < size d)%nat -> defined a (push i env) z) -> defined (sm d a) env z.
Proof. destruct a; simpl; auto. Qed.
Lemma defined_deltas ix : forall jx env z, defined (deltas ix jx) env z.
Proof.
  induction ix as [|i ix IH]; intros [|j jx] env z; try exact I.
  - destruct ix; exact I.
  - cbn [deltas]; destruct ix, jx; try exact I; apply defined_mul; [exact I|apply IH|exact I|apply IH].
Qed.
Lemma defined_der b e : forall jx env z, defined e env z -> defined (der b jx e) env z.
Proof.
  induction e; cbn [der defined]; intros jx env z Hd; auto.
  - destruct (slope k b) as [[m|]|]; simpl; auto.
  - destruct (Nat.eqb b0 b); [apply defined_deltas|simpl; auto].
  - destruct Hd; apply defined_add; auto.
  - destruct Hd; apply defined_add; apply defined_mul; auto.
  - apply defined_opp; auto.
  - destruct Hd; apply defined_mul; simpl; auto.
  - apply defined_mul; simpl; auto.
  - destruct Hd as [Hk Hd]; apply defined_mul; auto.
    destruct f; simpl in *; auto; repeat split; auto; apply Rgt_not_eq; auto. apply sqrt_lt_R0; auto.
  - apply defined_sm; auto.
Qed.

(* ---- The residual of the stationary Fokker-Planck equation, divided by exp (- H) ---- *)

Variables (shapes : list (list nat)) (v : nat -> ex) (D : nat -> nat -> ex) (H : ex).
Hypothesis ranks : forall b tags, nth_error shapes b = Some tags -> rank b = length tags.

Definition positions (first r : nat) : list nat := rev (seq first r).
Definition env_of (ix : list nat) : nat -> nat := fun k => nth k (rev ix) 0%nat.

Definition flux (a : nat) : ex :=
  let ja := positions 0 (rank a) in
  add (der a ja (v a)) (opp (mul (v a) (der a ja H))).
Definition curvature (a b : nat) : ex :=
  let ja := positions (rank b) (rank a) in
  let jb := positions 0 (rank b) in
  let D_b := der b jb (D a b) in
  let H_a := der a ja H in
  let H_b := der b jb H in
  add (add (der a ja D_b) (opp (add (mul (der a ja (D a b)) H_b) (mul (D a b) (der a ja H_b)))))
      (opp (mul (add D_b (opp (mul (D a b) H_b))) H_a)).

Fixpoint sms (tags : list nat) (e : ex) : ex :=
  match tags with [] => e | d :: tags => sm d (sms tags e) end.
Fixpoint sum_blocks (b : nat) (shapes : list (list nat)) (f : nat -> ex) : ex :=
  match shapes with
  | [] => Nul
  | tags :: shapes => add (sms tags (f b)) (sum_blocks (S b) shapes f)
  end.
Definition residual : ex :=
  add (sum_blocks 0 shapes flux)
      (opp (sum_blocks 0 shapes (fun a => sum_blocks 0 shapes (curvature a)))).

Lemma push_env_of i ix : push i (env_of ix) = env_of (ix ++ [i]).
Proof. extensionality k; unfold push, env_of; rewrite rev_unit; destruct k; reflexivity. Qed.
Lemma env_of_nil : env_of [] = fun _ => 0%nat.
Proof. extensionality k; unfold env_of; destruct k; reflexivity. Qed.

Lemma nth_seq l : forall l' k, (k = length l') ->
  map (fun q => nth q (l' ++ l) 0%nat) (seq k (length l)) = l.
Proof.
  induction l as [|x l IH]; intros l' k ->; [reflexivity|]. cbn [length seq map]. f_equal.
  - rewrite app_nth2, Nat.sub_diag; auto.
  - specialize (IH (l' ++ [x]) (S (length l'))). rewrite <- app_assoc in IH. apply IH.
    rewrite app_length; simpl; lia.
Qed.
Lemma map_env_of pre ix post :
  map (env_of (pre ++ ix ++ post)) (positions (length post) (length ix)) = ix.
Proof.
  unfold positions, env_of. rewrite map_rev, !rev_app_distr, <- app_assoc.
  rewrite <- (rev_length ix).
  assert (E : map (fun k => nth k (rev post ++ rev ix ++ rev pre) 0%nat) (seq (length post) (length (rev ix))) = rev ix).
  { transitivity (map (fun k => nth k (rev post ++ rev ix) 0%nat) (seq (length post) (length (rev ix)))).
    - apply map_ext_in; intros k Hk; apply in_seq in Hk. rewrite app_assoc, app_nth1; auto.
      rewrite app_length, rev_length, rev_length; rewrite rev_length in Hk; lia.
    - apply nth_seq. rewrite rev_length; auto. }
  rewrite E, rev_involutive; reflexivity.
Qed.

Lemma over_sms tags e z : forall pre,
  over (map size tags) (fun ix => eval e (env_of (pre ++ ix)) z) = eval (sms tags e) (env_of pre) z.
Proof.
  induction tags as [|d tags IH]; intros pre; cbn [map over sms].
  - rewrite app_nil_r; reflexivity.
  - rewrite eval_sm. apply Sum_ext; intros i _. rewrite push_env_of, <- IH.
    f_equal; extensionality ix. rewrite <- app_assoc; reflexivity.
Qed.
Lemma total_from_sum_blocks z pre f : forall l b,
  total_from b (map (map size) l) (fun c => eval (f (fst c)) (env_of (pre ++ snd c)) z)
  = eval (sum_blocks b l f) (env_of pre) z.
Proof.
  induction l as [|tags l IH]; intros b; cbn [map total_from sum_blocks]; [reflexivity|].
  rewrite eval_add, <- over_sms, <- IH; reflexivity.
Qed.

Lemma over_scal r tags : forall f, over tags (fun ix => f ix * r) = over tags f * r.
Proof.
  induction tags as [|d tags IH]; intros f; cbn [over]; auto.
  rewrite Rmult_comm, <- Sum_scal. apply Sum_ext; intros; rewrite IH; ring.
Qed.
Lemma total_scal r l : forall b f, total_from b l (fun c => f c * r) = total_from b l f * r.
Proof.
  induction l as [|tags l IH]; intros b f; cbn [total_from]; [ring|].
  rewrite IH, over_scal; ring.
Qed.
Lemma over_ext tags : forall f g, (forall ix, f ix = g ix) -> over tags f = over tags g.
Proof. intros f g E; f_equal; extensionality ix; auto. Qed.

Definition indexed := map (fun b => b) (seq 0 (length shapes)).
Definition is_nul (e : ex) : bool := match e with Nul => true | _ => false end.
Definition all_smooth : bool :=
  (forallb (fun a => smooth a (v a) && smooth a H &&
    forallb (fun b => is_nul (D a b) || smooth a (D a b) && smooth b (D a b)
      && smooth a (der b (positions 0 (rank b)) (D a b)) && smooth a (der b (positions 0 (rank b)) H))
      indexed) indexed)%bool.

Lemma within_length sizes : forall ix, within sizes ix -> length ix = length sizes.
Proof. induction sizes; intros [|i ix]; simpl; intros W; auto; try tauto. f_equal; apply IHsizes; tauto. Qed.
Lemma inside_rank c : inside (map (map size) shapes) c -> rank (fst c) = length (snd c) /\ In (fst c) indexed.
Proof.
  unfold inside. rewrite nth_error_map. destruct (nth_error shapes (fst c)) eqn:E; simpl; [|tauto].
  intros W; apply within_length in W; rewrite map_length in W. split.
  - rewrite (ranks _ _ E); auto.
  - unfold indexed; rewrite map_id; apply in_seq; split; [lia|].
    simpl; apply nth_error_Some; rewrite E; discriminate.
Qed.

Lemma der_at c q e env z : map env (positions q (rank (fst c))) = snd c ->
  smooth (fst c) e = true -> defined e env z ->
  partial (fun y => eval e env y) c z (eval (der (fst c) (positions q (rank (fst c))) e) env z).
Proof.
  destruct c as [b ix]; cbn [fst snd]; intros <- Hs Hd. apply der_correct; auto.
  unfold positions; rewrite rev_length, seq_length; auto.
Qed.

Theorem fokker_planck_of_residual (domain : state -> Prop) (vf : coordinate -> state -> R)
    (Df : coordinate -> coordinate -> state -> R) (Hf : state -> R) :
  let blocks := map (map size) shapes in
  (forall z, Hf z = eval H (env_of []) z) ->
  (forall a z, inside blocks a -> vf a z = eval (v (fst a)) (env_of (snd a)) z) ->
  (forall a b z, inside blocks a -> inside blocks b ->
     Df a b z = eval (D (fst a) (fst b)) (env_of (snd a ++ snd b)) z) ->
  all_smooth = true ->
  (forall z env, domain z -> defined H env z) ->
  (forall a z, inside blocks a -> domain z -> defined (v (fst a)) (env_of (snd a)) z) ->
  (forall a b z, inside blocks a -> inside blocks b -> domain z ->
     defined (D (fst a) (fst b)) (env_of (snd a ++ snd b)) z) ->
  (forall z, domain z -> eval residual (fun _ => 0%nat) z = 0) ->
  (forall env z, eval H env z = eval H (env_of []) z) ->
  fokker_planck blocks domain vf Df (fun z => exp (- Hf z)).
Proof.
  intros blocks EH Ev ED S dH dv dD Z CH.
  set (rho := fun z => exp (- eval H (env_of []) z)).
  replace (fun z => exp (- Hf z)) with rho by (extensionality z; unfold rho; rewrite EH; reflexivity).
  unfold all_smooth in S; rewrite forallb_forall in S.
  assert (Prho : forall c env z, inside blocks c -> domain z ->
     forall q, map env (positions q (rank (fst c))) = snd c ->
     partial rho c z (rho z * - eval (der (fst c) (positions q (rank (fst c))) H) env z)).
  { intros c env z I Dz q Hq. destruct (inside_rank c I) as [Hr Hin].
    specialize (S _ Hin); apply andb_prop in S as [S _]; apply andb_prop in S as [_ S].
    apply (partial_comp exp (fun y => - eval H (env_of []) y)); [|apply derivable_pt_lim_exp].
    apply (partial_opp (fun y => eval H (env_of []) y)).
    apply (partial_ext _ (fun y => eval H env y)); [intros; symmetry; apply CH|].
    apply der_at; auto. }
  exists (fun a z => eval (flux (fst a)) (env_of (snd a)) z * rho z).
  exists (fun a b z => (eval (der (fst b) (positions 0 (rank (fst b))) (D (fst a) (fst b))) (env_of (snd a ++ snd b)) z
     + - (eval (D (fst a) (fst b)) (env_of (snd a ++ snd b)) z
        * eval (der (fst b) (positions 0 (rank (fst b))) H) (env_of (snd a ++ snd b)) z)) * rho z).
  exists (fun a b z => eval (curvature (fst a) (fst b)) (env_of (snd a ++ snd b)) z * rho z).
  split; [|split; [|split]].
  - intros a z I Dz. destruct (inside_rank a I) as [Hr Hin].
    assert (Hq : map (env_of (snd a)) (positions 0 (rank (fst a))) = snd a).
    { rewrite Hr. pose proof (map_env_of [] (snd a) []) as E; simpl in E; rewrite app_nil_r in E; exact E. }
    apply (partial_ext _ (fun y => eval (v (fst a)) (env_of (snd a)) y * rho y));
      [intros; rewrite Ev; auto|].
    pose proof (S _ Hin) as S'; apply andb_prop in S' as [S' _]; apply andb_prop in S' as [S1 _].
    eapply partial_value; [|apply partial_mult; [|apply (Prho a (env_of (snd a)) z I Dz _ Hq)]].
    2:{ apply (der_at a 0); auto. }
    unfold flux; rewrite eval_add, eval_opp, eval_mul; ring.
  - intros a b z Ia Ib Dz. destruct (inside_rank a Ia) as [Ha HA], (inside_rank b Ib) as [Hb HB].
    set (env := env_of (snd a ++ snd b)).
    assert (Hq : map env (positions 0 (rank (fst b))) = snd b).
    { unfold env; rewrite Hb. pose proof (map_env_of (snd a) (snd b) []) as E; simpl in E; rewrite app_nil_r in E; exact E. }
    assert (Sb : smooth (fst b) H = true)
      by (pose proof (S _ HB) as S'; apply andb_prop in S' as [S' _]; apply andb_prop in S' as [_ S']; auto).
    pose proof (S _ HA) as S'; apply andb_prop in S' as [_ S']; rewrite forallb_forall in S'.
    specialize (S' _ HB); apply orb_prop in S' as [S'|S'].
    { apply (partial_ext _ (fun _ => 0)).
      - intros y; rewrite ED by auto. destruct (D (fst a) (fst b)); try discriminate S'. simpl; ring.
      - eapply partial_value; [|apply partial_const]. destruct (D (fst a) (fst b)); try discriminate S'. simpl; ring. }
    repeat (apply andb_prop in S' as [S' ?]).
    apply (partial_ext _ (fun y => eval (D (fst a) (fst b)) env y * rho y)); [intros; rewrite ED; auto|].
    eapply partial_value; [|apply partial_mult; [|apply (Prho b env z Ib Dz _ Hq)]].
    2:{ apply (der_at b 0); auto. apply dD; auto. }
    ring.
  - intros a b z Ia Ib Dz. destruct (inside_rank a Ia) as [Ha HA], (inside_rank b Ib) as [Hb HB].
    set (env := env_of (snd a ++ snd b)).
    assert (Hq : map env (positions (rank (fst b)) (rank (fst a))) = snd a).
    { unfold env; rewrite Hb, Ha. exact (map_env_of [] (snd a) (snd b)). }
    pose proof (S _ HA) as S'; apply andb_prop in S' as [_ S']; rewrite forallb_forall in S'.
    specialize (S' _ HB); apply orb_prop in S' as [S'|S'].
    { apply (partial_ext _ (fun _ => 0)).
      - intros y. destruct (D (fst a) (fst b)); try discriminate S'. simpl; ring.
      - eapply partial_value; [|apply partial_const]. unfold curvature. cbv zeta.
        destruct (D (fst a) (fst b)); try discriminate S'. simpl; ring. }
    repeat (apply andb_prop in S' as [S' ?]).
    set (jb := positions 0 (rank (fst b))) in *.
    set (Dab := D (fst a) (fst b)) in *.
    assert (P : forall e, smooth (fst a) e = true -> defined e env z ->
       partial (fun y => eval e env y) a z (eval (der (fst a) (positions (rank (fst b)) (rank (fst a))) e) env z)).
    { intros e Se De. apply der_at; auto. }
    assert (dDab : defined Dab env z) by (apply dD; auto).
    eapply partial_value; [|apply partial_mult;
      [apply (partial_plus (fun y => eval (der (fst b) jb Dab) env y));
        [apply P; auto; apply defined_der; auto
        |apply (partial_opp (fun y => eval Dab env y * eval (der (fst b) jb H) env y)), partial_mult; apply P; auto; apply defined_der; auto]
      |apply (Prho a env z Ia Dz _ Hq)]].
    unfold curvature. fold jb Dab. rewrite ?eval_add, ?eval_opp, ?eval_mul, ?eval_add, ?eval_opp, ?eval_mul; ring.
  - intros z Dz. specialize (Z z Dz). unfold residual in Z.
    rewrite eval_add, eval_opp, <- env_of_nil in Z.
    rewrite <- !(total_from_sum_blocks z []) in Z. simpl app in Z.
    unfold total, blocks. rewrite total_scal.
    transitivity (total_from 0 (map (map size) shapes)
      (fun a => eval (sum_blocks 0 shapes (curvature (fst a))) (env_of (snd a)) z * rho z)).
    + rewrite total_scal. f_equal. lra.
    + f_equal; extensionality a. rewrite total_scal, total_from_sum_blocks; reflexivity.
Qed.
End Model.
(* ---- Products of sums as sums of products, deltas carried out ---- *)

Fixpoint ren (r : nat -> nat) (e : ex) : ex :=
  match e with
  | Nul | Num _ | Size _ => e
  | Delta i j => Delta (r i) (r j)
  | Atom k ix => Atom k (map r ix) | X b ix => X b (map r ix)
  | Add a c => Add (ren r a) (ren r c) | Mul a c => Mul (ren r a) (ren r c)
  | Opp a => Opp (ren r a) | Inv a => Inv (ren r a) | Pow a k => Pow (ren r a) k
  | Fn f a => Fn f (ren r a) | Sm d a => Sm d (ren (lift r) a)
  end.

(* A product below sums: tags of the sums from the outermost, pairs of equal indices, factors. *)
Definition mono := (list nat * list (nat * nat) * list ex)%type.
Definition shift (m q : nat) (e : nat -> nat) : nat -> nat :=
  fun k => if Nat.ltb k m then e k else e (k + q)%nat.
Definition times (m1 m2 : mono) : mono :=
  let '(d1, l1, f1) := m1 in let '(d2, l2, f2) := m2 in
  let r1 := fun k => (k + length d2)%nat in
  let r2 := fun k => if Nat.ltb k (length d2) then k else (k + length d1)%nat in
  (d1 ++ d2,
   map (fun p => (r1 (fst p), r1 (snd p))) l1 ++ map (fun p => (r2 (fst p), r2 (snd p))) l2,
   map (ren r1) f1 ++ map (ren r2) f2).
Fixpoint held (e : ex) : list nat :=
  match e with
  | Nul | Num _ | Size _ => []
  | Delta i j => [i; j]
  | Atom _ ix | X _ ix => ix
  | Add a c | Mul a c => held a ++ held c
  | Opp a | Inv a | Pow a _ | Fn _ a | Sm _ a => held a
  end.
Definition below (a c : ex) : bool := forallb (fun i => existsb (Nat.eqb i) (held c)) (held a).
(* What is kept as one factor; `narrow`: only sums whose terms hold the same indices. *)
Section Factors.
Variable narrow : bool.
Fixpoint leaf (e : ex) : bool :=
  match e with
  | Num _ | Size _ | Atom _ _ | X _ _ | Inv _ | Fn _ _ => true
  | Add a c => leaf a && leaf c && (negb narrow || (below a c && below c a))
  | Mul a c => leaf a && leaf c
  | Opp a => leaf a
  | Pow a k => leaf a && negb (narrow && Nat.eqb k 0)
  | Nul | Delta _ _ | Sm _ _ => false
  end.
Definition products (l1 l2 : list mono) : list mono := flat_map (fun m => map (times m) l2) l1.
Fixpoint power (l : list mono) (k : nat) : list mono :=
  match k with O => [([], [], [])] | S k => products l (power l k) end.
Fixpoint flat (e : ex) : list mono :=
  if leaf e then [([], [], [e])] else
  match e with
  | Nul => []
  | Delta i j => [([], [(i, j)], [])]
  | Add a c => flat a ++ flat c
  | Mul a c => products (flat a) (flat c)
  | Opp a => map (fun m => (fst m, Num (-1) :: snd m)) (flat a)
  | Pow a k => power (flat a) k
  | Sm d a => map (fun m => (d :: fst (fst m), snd (fst m), snd m)) (flat a)
  | _ => [([], [], [e])]
  end.

Definition set (x i : nat) (e : nat -> nat) : nat -> nat := fun k => if Nat.eqb k x then i else e k.
Definition rename (x y : nat) : nat -> nat := fun k => if Nat.eqb k x then y else k.
Definition named := list (nat * nat).
Fixpoint names (ds : list nat) : named :=
  match ds with [] => [] | d :: ds => (length ds, d) :: names ds end.
Definition lookup (x : nat) (bs : named) : option nat := option_map snd (find (fun b => Nat.eqb (fst b) x) bs).
Definition remove (x : nat) (bs : named) : named := filter (fun b => negb (Nat.eqb (fst b) x)) bs.
Definition same_tag (x y : nat) (bs : named) : bool :=
  match lookup x bs, lookup y bs with Some d, Some c => Nat.eqb d c | _, _ => false end.
Fixpoint contract (fuel : nat) (bs : named) (dl : list (nat * nat)) (fs : list ex) : named * list ex :=
  match fuel, dl with
  | _, [] => (bs, fs)
  | O, _ => (bs, map (fun p => Delta (fst p) (snd p)) dl ++ fs)
  | S fuel, (x, y) :: dl =>
      if Nat.eqb x y then contract fuel bs dl fs
      else if same_tag x y bs
      then contract fuel (remove x bs) (map (fun p => (rename x y (fst p), rename x y (snd p))) dl)
             (map (ren (rename x y)) fs)
      else contract fuel bs dl (Delta x y :: fs)
  end.
Fixpoint occurs (x : nat) (e : ex) : bool :=
  match e with
  | Nul | Num _ | Size _ => false
  | Delta i j => (Nat.eqb x i || Nat.eqb x j)%bool
  | Atom _ ix | X _ ix => existsb (Nat.eqb x) ix
  | Add a c | Mul a c => (occurs x a || occurs x c)%bool
  | Opp a | Inv a | Pow a _ | Fn _ a => occurs x a
  | Sm _ a => occurs (S x) a
  end.
(* A sum over an index that does not occur is a multiple. *)
Fixpoint drop (bs : named) (fs : list ex) : named * list ex :=
  match bs with
  | [] => ([], fs)
  | (x, d) :: bs =>
      let '(bs, fs) := drop bs fs in
      if existsb (occurs x) fs then ((x, d) :: bs, fs) else (bs, Size d :: fs)
  end.
Definition contracted (m : mono) : named * list ex :=
  let '(ds, dl, fs) := m in let '(bs, fs) := contract (length dl) (names ds) dl fs in drop bs fs.

Fixpoint insertions (a : nat * nat) (l : named) : list named :=
  (a :: l) :: match l with [] => [] | b :: l => map (cons b) (insertions a l) end.
Fixpoint orders (l : named) : list named :=
  match l with [] => [[]] | a :: l => flat_map (insertions a) (orders l) end.
Fixpoint insert_tag (d : nat) (l : list nat) : list nat :=
  match l with [] => [d] | c :: l' => if Nat.leb d c then d :: l else c :: insert_tag d l' end.
Fixpoint sort_tags (l : list nat) : list nat :=
  match l with [] => [] | d :: l => insert_tag d (sort_tags l) end.
Definition tags_eqb (a b : list nat) : bool := if list_eq_dec Nat.eq_dec a b then true else false.
(* Every order of the sums in which the tags ascend. *)
Definition sorted_orders (bs : named) : list named :=
  match filter (fun o => tags_eqb (map snd o) (sort_tags (map snd bs))) (orders bs) with
  | [] => [bs] | l => l
  end.
Definition weighted (m : named * list ex) : list (named * list ex) :=
  let os := sorted_orders (fst m) in
  map (fun o => (o, Num (/ IZR (Z.of_nat (length os))) :: snd m)) os.
Definition tags_of (m : named * list ex) : list nat := map snd (fst m).
Definition group (t : list nat) (ms : list (named * list ex)) : list (list nat * list ex) :=
  map (fun m => (map fst (fst m), snd m)) (filter (fun m => tags_eqb (tags_of m) t) ms).

Fixpoint assign (xs ix : list nat) (e : nat -> nat) : nat -> nat :=
  match xs, ix with x :: xs, i :: ix => assign xs ix (set x i e) | _, _ => e end.
Fixpoint each (sizes : list nat) (P : list nat -> Prop) : Prop :=
  match sizes with [] => P [] | n :: sizes => forall i, (i < n)%nat -> each sizes (fun ix => P (i :: ix)) end.

Section Normal.
Variables (size : nat -> nat) (atom : nat -> list nat -> state -> R).
Notation eval := (eval size atom).

Fixpoint product_value (fs : list ex) (env : nat -> nat) (z : state) : R :=
  match fs with [] => 1 | [e] => eval e env z | e :: fs => eval e env z * product_value fs env z end.
Fixpoint sum_value (l : list (list nat * list ex)) (ix : list nat) (z : state) : R :=
  match l with
  | [] => 0
  | (xs, fs) :: l => product_value fs (assign xs ix (fun _ => 0%nat)) z + sum_value l ix z
  end.
Fixpoint groups_vanish (ts : list (list nat)) (ms : list (named * list ex)) (z : state) : Prop :=
  match ts with
  | [] => True
  | t :: ts => each (map size t) (fun ix => sum_value (group t ms) ix z = 0) /\ groups_vanish ts ms z
  end.
Definition vanishes (e : ex) (z : state) : Prop :=
  let ms := flat_map weighted (map contracted (flat e)) in
  groups_vanish (nodup (list_eq_dec Nat.eq_dec) (map tags_of ms)) ms z.

(* -- renaming -- *)
Lemma push_lift i r env : (fun k => push i env (lift r k)) = push i (fun k => env (r k)).
Proof. extensionality k; destruct k; reflexivity. Qed.
Lemma eval_ren e z : forall r env, eval (ren r e) env z = eval e (fun k => env (r k)) z.
Proof.
  induction e; intros s env; cbn [ren eval]; try reflexivity; try (rewrite ?IHe, ?IHe1, ?IHe2; reflexivity).
  - rewrite map_map; reflexivity.
  - rewrite map_map; reflexivity.
  - apply Sum_ext; intros i _. rewrite IHe, push_lift; reflexivity.
Qed.

Fixpoint fval (fs : list ex) (env : nat -> nat) (z : state) : R :=
  match fs with [] => 1 | e :: fs => eval e env z * fval fs env z end.
Fixpoint dval (dl : list (nat * nat)) (env : nat -> nat) : R :=
  match dl with [] => 1 | (x, y) :: dl => delta (env x) (env y) * dval dl env end.
Lemma fval_product fs env z : product_value fs env z = fval fs env z.
Proof. induction fs as [|e [|f fs] IH]; simpl in *; try ring. rewrite IH; ring. Qed.
Lemma fval_app f1 f2 env z : fval (f1 ++ f2) env z = fval f1 env z * fval f2 env z.
Proof. induction f1; simpl; [ring|rewrite IHf1; ring]. Qed.
Lemma dval_app f1 f2 env : dval (f1 ++ f2) env = dval f1 env * dval f2 env.
Proof. induction f1 as [|[x y] f1 IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma fval_ren r fs env z : fval (map (ren r) fs) env z = fval fs (fun k => env (r k)) z.
Proof. induction fs; simpl; [ring|rewrite IHfs, eval_ren; ring]. Qed.
Lemma dval_ren r dl env : dval (map (fun p => (r (fst p), r (snd p))) dl) env = dval dl (fun k => env (r k)).
Proof. induction dl as [|[x y] dl IH]; simpl; [ring|rewrite IH; ring]. Qed.

Fixpoint tval (ds : list nat) (g : (nat -> nat) -> R) (env : nat -> nat) : R :=
  match ds with [] => g env | d :: ds => Sum (size d) (fun i => tval ds g (push i env)) end.
Definition mval (m : mono) (env : nat -> nat) (z : state) : R :=
  let '(ds, dl, fs) := m in tval ds (fun e => dval dl e * fval fs e z) env.
Fixpoint lval (l : list mono) env z : R := match l with [] => 0 | m :: l => mval m env z + lval l env z end.
Lemma lval_app a b env z : lval (a ++ b) env z = lval a env z + lval b env z.
Proof. induction a; simpl; [ring|rewrite IHa; ring]. Qed.

Lemma tval_ext ds g h : (forall e, g e = h e) -> forall env, tval ds g env = tval ds h env.
Proof. intros E; replace h with g; auto. extensionality e; auto. Qed.
Lemma tval_scal c ds g : forall env, tval ds (fun e => c * g e) env = c * tval ds g env.
Proof. induction ds; intros env; simpl; auto. rewrite <- Sum_scal; apply Sum_ext; auto. Qed.
Lemma tval_outer es : forall K G env,
  tval es (fun e => K (fun k => e (k + length es)%nat) * G e) env = K env * tval es G env.
Proof.
  induction es as [|d es IH]; intros K G env; simpl.
  - f_equal. f_equal. extensionality k; f_equal; lia.
  - rewrite <- Sum_scal. apply Sum_ext; intros i _.
    transitivity ((fun e => K (fun k => e (S k))) (push i env) * tval es G (push i env)); [|reflexivity].
    rewrite <- (IH (fun e => K (fun k => e (S k)))).
    apply tval_ext; intros e; f_equal; f_equal; extensionality k; f_equal; lia.
Qed.
Lemma tval_shift es : forall c q G env,
  tval es (fun e => G (shift (length es + c) q e)) env = tval es G (shift c q env).
Proof.
  induction es as [|d es IH]; intros c q G env; simpl; [reflexivity|].
  apply Sum_ext; intros i _. replace (S (length es + c)) with (length es + S c)%nat by lia.
  rewrite IH. f_equal. extensionality k; unfold shift, push; destruct k; [reflexivity|].
  change (Nat.ltb (S k) (S c)) with (Nat.ltb k c). destruct (Nat.ltb k c); reflexivity.
Qed.
Lemma tval_product ds es F : forall G env,
  tval ds F env * tval es G env =
  tval (ds ++ es) (fun e => F (fun k => e (k + length es)%nat) * G (shift (length es) (length ds) e)) env.
Proof.
  induction ds as [|d ds IH]; intros G env; simpl.
  - rewrite tval_outer. f_equal. apply tval_ext; intros e; f_equal; extensionality k; unfold shift.
    destruct (Nat.ltb k (length es)); f_equal; lia.
  - rewrite Rmult_comm, <- Sum_scal. apply Sum_ext; intros i _. rewrite Rmult_comm.
    set (G' := fun e => G (shift (length es + 0) 1 e)).
    replace (tval es G env) with (tval es G' (push i env)).
    + rewrite IH. apply tval_ext; intros e; f_equal; unfold G'; f_equal.
      extensionality k; unfold shift. rewrite Nat.add_0_r.
      destruct (Nat.ltb k (length es)) eqn:E; [auto|].
      destruct (Nat.ltb (k + 1) (length es)) eqn:E'; [apply Nat.ltb_lt in E'; apply Nat.ltb_ge in E; lia|].
      f_equal; lia.
    + unfold G'; rewrite tval_shift. f_equal. extensionality k; unfold shift; simpl.
      rewrite Nat.add_1_r; reflexivity.
Qed.
Lemma mval_times m1 m2 env z : mval (times m1 m2) env z = mval m1 env z * mval m2 env z.
Proof.
  destruct m1 as [[d1 l1] f1], m2 as [[d2 l2] f2]; unfold mval, times. rewrite tval_product.
  apply tval_ext; intros e.
  rewrite dval_app, fval_app.
  rewrite (dval_ren (fun k => (k + length d2)%nat)), (fval_ren (fun k => (k + length d2)%nat)).
  rewrite (dval_ren (fun k => if Nat.ltb k (length d2) then k else (k + length d1)%nat)), fval_ren.
  replace (fun k => e (if (k <? length d2)%nat then k else (k + length d1)%nat)) with (shift (length d2) (length d1) e).
  - ring.
  - extensionality k; unfold shift; destruct (Nat.ltb k (length d2)); reflexivity.
Qed.
Lemma lval_map_times m l env z : lval (map (times m) l) env z = mval m env z * lval l env z.
Proof. induction l; simpl; [ring|rewrite IHl, mval_times; ring]. Qed.
Lemma lval_products l1 l2 env z : lval (products l1 l2) env z = lval l1 env z * lval l2 env z.
Proof. unfold products; induction l1; simpl; [ring|rewrite lval_app, lval_map_times, IHl1; ring]. Qed.
Lemma lval_power l k env z : lval (power l k) env z = lval l env z ^ k.
Proof. induction k; simpl; [ring|rewrite lval_products, IHk; ring]. Qed.
Lemma lval_leaf e env z : lval [([], [], [e])] env z = eval e env z.
Proof. simpl; ring. Qed.
Theorem flat_correct e z : forall env, lval (flat e) env z = eval e env z.
Proof.
  induction e; intros env; cbn [flat]; destruct (leaf _) eqn:L; try apply lval_leaf; try (exact (lval_leaf _ _ _));
  try discriminate L; cbn [eval]; clear L.
  - reflexivity.
  - simpl; ring.
  - rewrite lval_app, IHe1, IHe2; reflexivity.
  - rewrite lval_products, IHe1, IHe2; reflexivity.
  - rewrite <- IHe; clear IHe. induction (flat e) as [|[[ds dl] fs] l IH]; simpl; [ring|].
    rewrite IH. unfold mval; simpl. rewrite (tval_ext ds _ (fun x => -1 * (dval dl x * fval fs x z))) by (intros; ring).
    rewrite tval_scal; ring.
  - rewrite lval_power, IHe; reflexivity.
  - transitivity (Sum (size d) (fun i => lval (flat e) (push i env) z)); [|apply Sum_ext; auto].
    clear IHe; induction (flat e) as [|[[ds dl] fs] l IH]; simpl; [symmetry; apply Sum_zero; auto|].
    rewrite IH, Sum_plus. reflexivity.
Qed.

(* -- sums over named indices -- *)
Fixpoint nval (bs : named) (g : (nat -> nat) -> R) (e : nat -> nat) : R :=
  match bs with [] => g e | (x, d) :: bs => Sum (size d) (fun i => nval bs g (set x i e)) end.
Lemma set_comm x y i j e : x <> y -> set x i (set y j e) = set y j (set x i e).
Proof.
  intros n; extensionality k; unfold set.
  destruct (Nat.eqb_spec k x), (Nat.eqb_spec k y); congruence.
Qed.
Lemma nval_outside bs g : forall e e',
  (forall k, ~ In k (map fst bs) -> e k = e' k) -> nval bs g e = nval bs g e'.
Proof.
  induction bs as [|[x d] bs IH]; intros e e' H; simpl.
  - f_equal; extensionality k; auto.
  - apply Sum_ext; intros i _; apply IH; intros k Hk; unfold set.
    destruct (Nat.eqb_spec k x); auto. apply H; simpl; intros [?|?]; auto.
Qed.
Lemma names_below ds k : In k (map fst (names ds)) <-> (k < length ds)%nat.
Proof. induction ds; simpl; [split; [tauto|lia]|]. rewrite IHds. split; [intros [?|?]; lia|intros; destruct (Nat.eq_dec (length ds) k); lia]. Qed.
Lemma names_NoDup ds : NoDup (map fst (names ds)).
Proof. induction ds; simpl; constructor; auto. rewrite names_below; lia. Qed.
Lemma nval_tval ds g : forall env, tval ds g env = nval (names ds) g (fun k => env (k - length ds)%nat).
Proof.
  induction ds as [|d ds IH]; intros env; simpl.
  - f_equal; extensionality k; f_equal; lia.
  - apply Sum_ext; intros i _. rewrite IH. apply nval_outside; intros k Hk.
    rewrite names_below in Hk. unfold set, push. destruct (Nat.eqb_spec k (length ds)).
    + subst; rewrite Nat.sub_diag; reflexivity.
    + replace (k - length ds)%nat with (S (k - S (length ds))) by lia; reflexivity.
Qed.
Lemma nval_app a b g : forall e, nval (a ++ b) g e = nval a (nval b g) e.
Proof. induction a as [|[x d] a IH]; intros e; simpl; auto. apply Sum_ext; auto. Qed.
Lemma nval_ext bs g h : forall e,
  NoDup (map fst bs) ->
  (forall e', (forall x d, In (x, d) bs -> (e' x < size d)%nat) -> g e' = h e') ->
  nval bs g e = nval bs h e.
Proof.
  cut (forall pre e, NoDup (map fst (pre ++ bs)) ->
    (forall x d, In (x, d) pre -> (e x < size d)%nat) ->
    (forall e', (forall x d, In (x, d) (pre ++ bs) -> (e' x < size d)%nat) -> g e' = h e') ->
    nval bs g e = nval bs h e).
  { intros C e N H; apply (C []); simpl; tauto. }
  induction bs as [|[x d] bs IH]; intros pre e N Hp H; simpl.
  - apply H; rewrite app_nil_r; auto.
  - apply Sum_ext; intros i Hi. apply (IH (pre ++ [(x, d)])).
    + rewrite <- app_assoc; auto.
    + intros y c Hy. apply in_app_or in Hy as [Hy|[Hy|[]]].
      * unfold set. destruct (Nat.eqb_spec y x); auto. subst; exfalso.
        rewrite map_app in N; simpl in N; apply NoDup_remove_2 in N; apply N.
        apply in_or_app; left; apply (in_map fst) in Hy; exact Hy.
      * injection Hy as <- <-; unfold set; rewrite Nat.eqb_refl; auto.
    + intros e' He'; apply H; intros y c Hy; apply He'. rewrite <- app_assoc; auto.
Qed.
Lemma nval_perm a b : Permutation a b -> forall g e, NoDup (map fst a) -> nval a g e = nval b g e.
Proof.
  induction 1; intros g e N; simpl; auto.
  - destruct x; apply Sum_ext; intros; apply IHPermutation; inversion N; auto.
  - destruct x as [x d], y as [y c]. rewrite Sum_swap. apply Sum_ext; intros i _; apply Sum_ext; intros j _.
    rewrite set_comm; auto. simpl in N; inversion N; subst. intros ->; apply H1; simpl; auto.
  - rewrite IHPermutation1 by auto; apply IHPermutation2. eapply Permutation_NoDup; [apply Permutation_map; eassumption|auto].
Qed.

Lemma lookup_In x bs d : lookup x bs = Some d -> In (x, d) bs.
Proof.
  unfold lookup; destruct (find _ bs) as [[y c]|] eqn:E; simpl; [|discriminate].
  intros [= ->]; apply find_some in E as [E F]; simpl in F; apply Nat.eqb_eq in F; subst; auto.
Qed.
Lemma remove_other x bs : ~ In x (map fst bs) -> remove x bs = bs.
Proof.
  induction bs as [|[y d] bs IH]; simpl; intros H; auto.
  destruct (Nat.eqb_spec y x); simpl; [exfalso; apply H; auto|rewrite IH; auto].
Qed.
Lemma remove_perm x d bs : NoDup (map fst bs) -> In (x, d) bs -> Permutation bs (remove x bs ++ [(x, d)]).
Proof.
  induction bs as [|[y c] bs IH]; simpl; intros N I; [tauto|]. inversion N; subst.
  destruct I as [I|I].
  - injection I as -> ->. rewrite Nat.eqb_refl; simpl. rewrite remove_other by auto.
    apply Permutation_cons_append.
  - destruct (Nat.eqb_spec y x); simpl.
    + subst; exfalso; apply H1. apply (in_map fst) in I; exact I.
    + constructor; apply IH; auto.
Qed.
Lemma remove_NoDup x bs : NoDup (map fst bs) -> NoDup (map fst (remove x bs)).
Proof.
  induction bs as [|[y c] bs IH]; simpl; intros N; auto. inversion N; subst.
  destruct (Nat.eqb y x); simpl; auto. constructor; auto.
  intros I; apply H1. apply in_map_iff in I as [p [E I]]; apply filter_In in I as [I _].
  apply in_map_iff; exists p; auto.
Qed.
Lemma remove_In x y d bs : y <> x -> In (y, d) bs -> In (y, d) (remove x bs).
Proof. intros n I; apply filter_In; split; auto; simpl. destruct (Nat.eqb_spec y x); auto. Qed.

Lemma nval_delta bs x y g e : NoDup (map fst bs) -> x <> y -> same_tag x y bs = true ->
  nval bs (fun e => delta (e x) (e y) * g e) e = nval (remove x bs) (fun e => g (fun k => e (rename x y k))) e.
Proof.
  unfold same_tag; intros N n T. destruct (lookup x bs) as [d|] eqn:Ex; [|discriminate].
  destruct (lookup y bs) as [c|] eqn:Ey; [|discriminate].
  apply Nat.eqb_eq in T; subst c. apply lookup_In in Ex, Ey.
  rewrite (nval_perm _ _ (remove_perm x d bs N Ex)) by auto. rewrite nval_app.
  apply nval_ext; [apply remove_NoDup; auto|]. intros e' R. simpl.
  assert (B : (e' y < size d)%nat) by (apply R, remove_In; auto).
  transitivity (Sum (size d) (fun i => delta i (e' y) * g (set x i e'))).
  - apply Sum_ext; intros i _. f_equal; f_equal; unfold set; [rewrite Nat.eqb_refl; auto|].
    destruct (Nat.eqb_spec y x); [congruence|auto].
  - rewrite Sum_delta by auto. f_equal. extensionality k; unfold set, rename.
    destruct (Nat.eqb k x); reflexivity.
Qed.
Lemma contract_correct z fuel : forall bs dl fs bs' fs' e, NoDup (map fst bs) ->
  contract fuel bs dl fs = (bs', fs') ->
  NoDup (map fst bs') /\
  nval bs (fun e => dval dl e * fval fs e z) e = nval bs' (fun e => fval fs' e z) e.
Proof.
  assert (Base : forall bs dl fs bs' fs' e, NoDup (map fst bs) ->
    (bs, map (fun p => Delta (fst p) (snd p)) dl ++ fs) = (bs', fs') ->
    NoDup (map fst bs') /\ nval bs (fun e => dval dl e * fval fs e z) e = nval bs' (fun e => fval fs' e z) e).
  { intros bs dl fs bs' fs' e N [= <- <-]; split; auto. f_equal; extensionality e'. rewrite fval_app; f_equal.
    induction dl as [|[x y] dl IH]; simpl; auto. rewrite IH; reflexivity. }
  induction fuel as [|fuel IH]; intros bs dl fs bs' fs' e N E.
  - destruct dl as [|p dl]; apply (Base bs _ fs); auto.
  - destruct dl as [|[x y] dl]; [apply (Base bs [] fs); auto|]. cbn [contract] in E.
    destruct (Nat.eqb_spec x y) as [->|n].
    + destruct (IH _ _ _ _ _ e N E) as [N' V]; split; auto. rewrite <- V. f_equal; extensionality e'.
      cbn [dval]; unfold delta; rewrite Nat.eqb_refl; ring.
    + destruct (same_tag x y bs) eqn:T.
      * destruct (IH _ _ _ _ _ e (remove_NoDup x bs N) E) as [N' V]; split; auto. rewrite <- V.
        transitivity (nval bs (fun e => delta (e x) (e y) * (dval dl e * fval fs e z)) e);
          [f_equal; extensionality e'; cbn [dval]; ring|].
        rewrite nval_delta by auto. f_equal; extensionality e'.
        rewrite (dval_ren (rename x y)), fval_ren; reflexivity.
      * destruct (IH _ _ _ _ _ e N E) as [N' V]; split; auto. rewrite <- V. f_equal; extensionality e'.
        cbn [dval fval eval]; ring.
Qed.

(* -- unused indices -- *)
Lemma nval_scal c bs g : forall e, nval bs (fun e => c * g e) e = c * nval bs g e.
Proof. induction bs as [|[x d] bs IH]; intros e; simpl; auto. rewrite <- Sum_scal; apply Sum_ext; auto. Qed.
Lemma map_set_fresh x i env ix : existsb (Nat.eqb x) ix = false -> map (set x i env) ix = map env ix.
Proof.
  induction ix as [|k ix IH]; simpl; auto; intros E; apply orb_false_elim in E as [E1 E2].
  rewrite IH by auto. f_equal. unfold set; rewrite Nat.eqb_sym, E1; auto.
Qed.
Lemma push_set j x i env : push j (set x i env) = set (S x) i (push j env).
Proof. extensionality k; destruct k; reflexivity. Qed.
Lemma eval_fresh z e : forall x i env, occurs x e = false -> eval e (set x i env) z = eval e env z.
Proof.
  induction e; intros x i' env O; cbn [occurs eval] in *; auto;
    try (apply orb_false_elim in O as [O1 O2]; rewrite IHe1, IHe2; auto);
    try (rewrite IHe; auto); try (rewrite map_set_fresh; auto).
  - apply orb_false_elim in O as [O1 O2]. unfold set.
    rewrite (Nat.eqb_sym i x), (Nat.eqb_sym j x), O1, O2; auto.
  - apply Sum_ext; intros k _. rewrite push_set; auto.
Qed.
Lemma fval_fresh z fs : forall x i env, existsb (occurs x) fs = false -> fval fs (set x i env) z = fval fs env z.
Proof.
  induction fs; intros x i env O; simpl in *; auto. apply orb_false_elim in O as [O1 O2].
  rewrite IHfs, eval_fresh; auto.
Qed.
Lemma nval_fresh x i bs g : (forall i e, g (set x i e) = g e) -> forall e, nval bs g (set x i e) = nval bs g e.
Proof.
  intros G; induction bs as [|[y d] bs IH]; intros e; simpl; auto. apply Sum_ext; intros j _.
  destruct (Nat.eq_dec y x) as [->|n].
  - f_equal; extensionality k; unfold set; destruct (Nat.eqb k x); auto.
  - rewrite set_comm by auto; apply IH.
Qed.
Lemma drop_correct z bs : forall fs bs' fs', NoDup (map fst bs) -> drop bs fs = (bs', fs') ->
  NoDup (map fst bs') /\ (forall k, In k (map fst bs') -> In k (map fst bs)) /\
  forall e, nval bs (fun e => fval fs e z) e = nval bs' (fun e => fval fs' e z) e.
Proof.
  induction bs as [|[x d] bs IH]; intros fs bs' fs' N E; cbn [drop] in E.
  - injection E as <- <-; auto.
  - destruct (drop bs fs) as [b f] eqn:Ed. inversion N; subst.
    destruct (IH _ _ _ H2 Ed) as [N' [I' V']]. destruct (existsb (occurs x) f) eqn:O.
    + injection E as <- <-. split; [constructor; auto|split].
      * simpl; intros k [?|?]; auto.
      * intros e; simpl. apply Sum_ext; intros; apply V'.
    + injection E as <- <-. split; [auto|split].
      * simpl; auto.
      * intros e; simpl. transitivity (INR (size d) * nval b (fun e => fval f e z) e).
        -- rewrite <- Sum_one, Rmult_comm, <- Sum_scal. apply Sum_ext; intros i _. rewrite V'.
           rewrite (nval_fresh x i b) by (intros; apply fval_fresh; auto). ring.
        -- symmetry; apply nval_scal.
Qed.

(* -- all orders of the sums -- *)
Lemma insertions_perm a l o : In o (insertions a l) -> Permutation (a :: l) o.
Proof.
  revert o; induction l as [|b l IH]; simpl; intros o [<-|H]; auto; [tauto|].
  apply in_map_iff in H as [o' [<- H]]. eapply perm_trans; [apply perm_swap|]. constructor; auto.
Qed.
Lemma orders_perm l : forall o, In o (orders l) -> Permutation l o.
Proof.
  induction l as [|a l IH]; simpl; intros o H; [destruct H as [<-|[]]; auto|].
  apply in_flat_map in H as [o' [H1 H2]]. eapply perm_trans; [constructor; apply IH; eassumption|].
  apply insertions_perm; auto.
Qed.
Lemma sorted_orders_perm bs o : In o (sorted_orders bs) -> Permutation bs o.
Proof.
  unfold sorted_orders. destruct (filter _ _) as [|o1 l] eqn:E.
  - intros [<-|[]]; auto.
  - intros H; rewrite <- E in H; apply filter_In in H as [H _]; apply orders_perm; auto.
Qed.
Fixpoint wval (l : list (named * list ex)) (e : nat -> nat) (z : state) : R :=
  match l with [] => 0 | (bs, fs) :: l => nval bs (fun e => fval fs e z) e + wval l e z end.
Lemma wval_app a b e z : wval (a ++ b) e z = wval a e z + wval b e z.
Proof. induction a as [|[bs fs] a IH]; simpl; [ring|rewrite IH; ring]. Qed.
Lemma wval_weighted m e z : NoDup (map fst (fst m)) ->
  wval (weighted m) e z = nval (fst m) (fun e => fval (snd m) e z) e.
Proof.
  destruct m as [bs fs]; unfold weighted; cbn [fst snd]; cbv zeta; intros N.
  set (v := nval bs (fun e => fval fs e z) e). set (c := length (sorted_orders bs)).
  assert (C : IZR (Z.of_nat c) <> 0).
  { rewrite <- INR_IZR_INZ. apply not_0_INR. unfold c, sorted_orders. destruct (filter _ _); simpl; lia. }
  assert (G : forall os, (forall o, In o os -> Permutation bs o) ->
    wval (map (fun o => (o, Num (/ IZR (Z.of_nat c)) :: fs)) os) e z = INR (length os) * (/ IZR (Z.of_nat c) * v)).
  { induction os as [|o os IH]; intros P; [simpl; ring|]. cbn [map wval length fval eval].
    rewrite IH by (intros; apply P; simpl; auto). rewrite nval_scal.
    rewrite <- (nval_perm bs o) by (auto; apply P; simpl; auto). rewrite S_INR; fold v; ring. }
  transitivity (wval (map (fun o => (o, Num (/ IZR (Z.of_nat c)) :: fs)) (sorted_orders bs)) e z); [reflexivity|].
  etransitivity; [apply (G (sorted_orders bs)); intros; apply sorted_orders_perm; auto|].
  change (length (sorted_orders bs)) with c. rewrite INR_IZR_INZ. unfold v; field; auto.
Qed.

Lemma nval_over bs g : forall e,
  nval bs g e = over (map size (map snd bs)) (fun ix => g (assign (map fst bs) ix e)).
Proof. induction bs as [|[x d] bs IH]; intros e; simpl; auto. apply Sum_ext; intros; apply IH. Qed.
Lemma over_plus sizes : forall f g, over sizes (fun ix => f ix + g ix) = over sizes f + over sizes g.
Proof. induction sizes; intros f g; simpl; auto. rewrite <- Sum_plus; apply Sum_ext; auto. Qed.
Lemma over_zero sizes : forall f, each sizes (fun ix => f ix = 0) -> over sizes f = 0.
Proof. induction sizes as [|n sizes IH]; intros f H; simpl; auto. apply Sum_zero; intros i Hi. apply IH, H; auto. Qed.
Definition e0 : nat -> nat := fun _ => 0%nat.
Lemma wval_group t ms z :
  wval (filter (fun m => tags_eqb (tags_of m) t) ms) e0 z = over (map size t) (fun ix => sum_value (group t ms) ix z).
Proof.
  unfold group; induction ms as [|[bs fs] ms IH].
  - symmetry; apply over_zero; simpl. clear; induction (map size t); simpl; auto.
  - cbn [filter]. destruct (tags_eqb (tags_of (bs, fs)) t) eqn:E; auto.
    cbn [map fst snd wval].
    transitivity (over (map size t) (fun ix => product_value fs (assign (map fst bs) ix e0) z
      + sum_value (map (fun m => (map fst (fst m), snd m)) (filter (fun m => tags_eqb (tags_of m) t) ms)) ix z));
      [|reflexivity].
    rewrite over_plus, IH. f_equal.
    unfold tags_eqb in E; destruct (list_eq_dec _ _ _) as [<-|]; [|discriminate].
    rewrite nval_over. f_equal; extensionality ix. rewrite fval_product; reflexivity.
Qed.
Lemma wval_split t ms e z :
  wval ms e z = wval (filter (fun m => tags_eqb (tags_of m) t) ms) e z
    + wval (filter (fun m => negb (tags_eqb (tags_of m) t)) ms) e z.
Proof.
  induction ms as [|[bs fs] ms IH]; simpl; [ring|].
  destruct (tags_eqb _ t); cbn [negb]; cbn [wval]; rewrite IH; ring.
Qed.
Lemma tags_eqb_spec a b : tags_eqb a b = true <-> a = b.
Proof. unfold tags_eqb; destruct (list_eq_dec _ a b); split; congruence. Qed.
Lemma filter_twice {A} (p q : A -> bool) l : (forall a, q a = true -> p a = true) ->
  filter q (filter p l) = filter q l.
Proof.
  intros I; induction l; simpl; auto. destruct (p a) eqn:P; simpl; destruct (q a) eqn:Q; rewrite ?IHl; auto.
  rewrite (I a Q) in P; discriminate.
Qed.
Lemma groups_zero z ts : forall ms, NoDup ts -> (forall m, In m ms -> In (tags_of m) ts) ->
  groups_vanish ts ms z -> wval ms e0 z = 0.
Proof.
  induction ts as [|t ts IH]; intros ms N I V.
  - destruct ms as [|m ms]; auto. exfalso; exact (I m (or_introl eq_refl)).
  - destruct V as [V Vs]. inversion N; subst. rewrite (wval_split t), wval_group, (over_zero _ _ V), Rplus_0_l.
    apply IH; auto.
    + intros m Hm; apply filter_In in Hm as [Hm E]. destruct (I m Hm) as [Ht|]; auto.
      symmetry in Ht; apply tags_eqb_spec in Ht. unfold named in *; rewrite Ht in E; discriminate.
    + clear - Vs H1. induction ts as [|s ts IH]; simpl in *; auto. destruct Vs; split; [|apply IH; tauto].
      replace (group s (filter (fun m => negb (tags_eqb (tags_of m) t)) ms)) with (group s ms); auto.
      unfold group; f_equal. symmetry; apply filter_twice. intros m Hm; apply tags_eqb_spec in Hm; subst.
      destruct (tags_eqb (tags_of m) t) eqn:E; auto. apply tags_eqb_spec in E; subst; tauto.
Qed.

Theorem vanishes_zero e z : vanishes e z -> eval e e0 z = 0.
Proof.
  unfold vanishes; intros V. rewrite <- flat_correct.
  assert (K : forall l, lval l e0 z = wval (flat_map weighted (map contracted l)) e0 z).
  { induction l as [|[[ds dl] fs] l IH]; simpl; auto. rewrite wval_app, IH. f_equal.
    destruct (contract (length dl) (names ds) dl fs) as [bs' fs'] eqn:E.
    destruct (contract_correct z _ _ _ _ _ _ e0 (names_NoDup ds) E) as [N' V'].
    destruct (drop bs' fs') as [bs fs2] eqn:Ed.
    destruct (drop_correct z _ _ _ _ N' Ed) as [N2 [_ V2]].
    rewrite wval_weighted by auto. cbn [fst snd]. rewrite <- V2, <- V'. apply nval_tval. }
  rewrite K. eapply groups_zero; [apply NoDup_nodup| |exact V].
  intros m Hm; apply nodup_In, in_map; auto.
Qed.
End Normal.
End Factors.

(* ---- What a file about one dynamics uses ---- *)

Theorem fokker_planck_by_computation
  (size : nat -> nat) (atom : nat -> list nat -> state -> R)
  (slope : nat -> nat -> option (option nat)) (arity rank : nat -> nat)
  (shapes : list (list nat)) (v : nat -> ex) (D : nat -> nat -> ex) (H : ex)
  (domain : state -> Prop) (vf : coordinate -> state -> R)
  (Df : coordinate -> coordinate -> state -> R) (Hf : state -> R) :
  (forall k b ix jx z s, slope k b = Some s -> length ix = arity k -> length jx = rank b ->
     partial (atom k ix) (b, jx) z (match s with Some m => atom m (ix ++ jx) z | None => 0 end)) ->
  (forall b tags, nth_error shapes b = Some tags -> rank b = length tags) ->
  let blocks := map (map size) shapes in
  let value e ix z := eval size atom e (env_of ix) z in
  (forall env z, Hf z = eval size atom H env z) ->
  (forall a z, inside blocks a -> vf a z = value (v (fst a)) (snd a) z) ->
  (forall a b z, inside blocks a -> inside blocks b -> Df a b z = value (D (fst a) (fst b)) (snd a ++ snd b) z) ->
  all_smooth slope arity rank shapes v D H = true ->
  (forall z env, domain z -> defined size atom H env z) ->
  (forall a z, inside blocks a -> domain z -> defined size atom (v (fst a)) (env_of (snd a)) z) ->
  (forall a b z, inside blocks a -> inside blocks b -> domain z ->
     defined size atom (D (fst a) (fst b)) (env_of (snd a ++ snd b)) z) ->
  (forall z, domain z -> exists narrow, vanishes narrow size atom (residual slope rank shapes v D H) z) ->
  fokker_planck blocks domain vf Df (fun z => exp (- Hf z)).
Proof.
  intros slopes ranks blocks value EH Ev ED S dH dv dD V.
  apply (fokker_planck_of_residual size atom slope arity rank slopes shapes v D H ranks); auto.
  - intros z Dz; destruct (V z Dz) as [narrow Vz]; exact (vanishes_zero _ _ _ _ _ Vz).
  - intros env z; rewrite <- !EH; reflexivity.
Qed.

Lemma derivable_same f g x l : derivable_pt_lim f x l -> (forall t, f t = g t) -> derivable_pt_lim g x l.
Proof. intros H E; replace g with f; auto. extensionality t; auto. Qed.

Lemma partial_constant f c z : (forall t, f (update z c t) = f z) -> partial f c z 0.
Proof. intros E; apply (derivable_same (fun _ => f z)); auto. apply (derivable_pt_lim_const (f z)). Qed.

Lemma Sum_nonnegative n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= Sum n f.
Proof. induction n; intros F; simpl; [lra|]. assert (0 <= Sum n f) by auto. assert (0 <= f n) by auto. lra. Qed.

Ltac by_length :=
  repeat match goal with
    H : length ?l = _ |- _ => is_var l; destruct l; cbn in H; try discriminate H; try injection H as H
  end.
Ltac same_update :=
  intros; repeat (progress f_equal);
  try (let i := fresh in extensionality i); unfold update, replace;
  repeat (destruct coordinate_eq_dec; try congruence);
  repeat (match goal with |- context [Nat.eqb ?x ?y] => destruct (Nat.eqb_spec x y) end; try congruence);
  try congruence; reflexivity.
Ltac inside_cases H :=
  unfold inside in H; cbn in H;
  lazymatch type of H with
  | False => contradiction
  | context [nth_error _ ?b] => destruct b; inside_cases H
  | context [within _ ?ix] => destruct ix; inside_cases H
  | context [match ?x with _ => _ end] => destruct x; inside_cases H
  | _ => try tauto
  end.

Lemma positive_nonzero x : 0 < x -> x <> 0.
Proof. lra. Qed.

Ltac positive :=
  first [assumption | lra | solve [auto] |
    lazymatch goal with
    | |- 0 < _ * _ => apply Rmult_lt_0_compat; positive
    | |- 0 < _ / _ => apply Rdiv_lt_0_compat; positive
    | |- 0 < / _ => apply Rinv_0_lt_compat; positive
    | |- 0 < exp _ => apply exp_pos
    | |- 0 < sqrt _ => apply sqrt_lt_R0; positive
    | |- 0 < _ ^ _ => apply pow_lt; positive
    | |- 0 < INR _ => apply lt_0_INR; auto
    | |- 0 < _ + _ =>
        first [apply Rplus_lt_0_compat; positive
              | apply Rplus_lt_le_0_compat; [positive|nonnegative]
              | apply Rplus_le_lt_0_compat; [nonnegative|positive]]
    end | nra]
with nonnegative :=
  first [assumption | lra | solve [auto] | apply pow2_ge_0 | apply Rle_0_sqr |
    lazymatch goal with
    | |- 0 <= Sum _ _ => apply Sum_nonnegative; intros; nonnegative
    | |- 0 <= _ * _ => apply Rmult_le_pos; nonnegative
    | |- 0 <= _ / _ => apply Rmult_le_pos; [nonnegative|left; apply Rinv_0_lt_compat; positive]
    | |- 0 <= / _ => left; apply Rinv_0_lt_compat; positive
    | |- 0 <= _ + _ => apply Rplus_le_le_0_compat; nonnegative
    | |- 0 <= INR _ => apply pos_INR
    end | left; positive | nra].
Ltac nonzero := first [assumption | apply positive_nonzero; positive | lra | nra].
Ltac side_conditions :=
  repeat match goal with H : _ /\ _ |- _ => destruct H end; cbn; repeat split; intros; cbn; auto; try solve [positive | nonzero].
Ltac with_last tac t j := lazymatch t with (?t, ?i) => tac j i; with_last tac t j | _ => idtac end.
Ltac with_pairs tac t := lazymatch t with (?t, ?j) => with_last tac t j; with_pairs tac t | _ => idtac end.
Ltac roots :=
  repeat match goal with H : _ /\ _ |- _ => destruct H end;
  repeat match goal with
    |- context [sqrt ?e] =>
      lazymatch goal with
      | H : sqrt e * sqrt e = e |- _ => fail
      | _ => assert (sqrt e * sqrt e = e) by (apply sqrt_sqrt; left; positive)
      end
    end.
Ltac identity :=
  first [ring | field; repeat split; nonzero
        | rewrite !exp_Ropp; field; repeat split; nonzero
        | roots; match goal with H : sqrt ?e * sqrt ?e = ?e |- _ => field [H]; repeat split; nonzero end].
Ltac with_each tac t := lazymatch t with (?t, ?i) => tac i; with_each tac t | _ => idtac end.
Ltac identity_below pair single t :=
  lazymatch goal with
  | |- forall _ : nat, (_ < _)%nat -> _ =>
      let j := fresh "i" in let Hj := fresh in intros j Hj; identity_below pair single (t, j)
  | _ => with_pairs pair t; with_pairs pair t; with_each single t; identity
  end.
Ltac by_identity pair single :=
  repeat match goal with H : _ /\ _ |- _ => destruct H end; identity_below pair single tt.
Ltac by_groups pair single :=
  solve [cbv -[Rplus Rmult Ropp Rinv IZR INR pow sqrt exp ln sin cos PI Sum delta lt];
         repeat split; by_identity pair single].
